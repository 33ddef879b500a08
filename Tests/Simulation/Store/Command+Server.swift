extension Command {
    static var ofServer: [Command] {
        [
            Command("TIME", 1) { call throws(CommandError) in
                let now = call.host.now
                call.reply.array(2)
                call.reply.spelled(now / 1_000_000)
                call.reply.element(1)
                call.reply.spelled(now % 1_000_000)
                call.reply.element(2)
            },
            // A script that may not write may not publish either.
            Command("PUBLISH", 3, writes: true) { call throws(CommandError) in
                let message = Array(UnsafeBufferPointer(start: call[2].base, count: call[2].count))
                call.reply.integer(call.host.onPublish?(call[1].text, message) ?? 0)
            },
        ]
    }
}
