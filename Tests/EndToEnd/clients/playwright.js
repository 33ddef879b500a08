// Playwright for Node.js: reads a page, keeps its browser until SIGTERM.
//   node playwright.js <package playwright-core> connect|connectOverCDP <url>
const [playwright, method, url] = process.argv.slice(2);

async function main() {
  const { chromium } = require(playwright);
  const browser = await chromium[method](url);
  const page = await browser.newPage();
  await page.goto('data:text/html,<title>page</title>');
  process.once('SIGTERM', async () => {
    await browser.close();
    process.exit(0);
  });
  console.log('has', await page.title());
}

main().catch(error => {
  console.log(error.message);
  process.exit(1);
});
