#ifndef BERTH_CCHILD_H
#define BERTH_CCHILD_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* How a child starts. */
struct berth_child_plan {
  /* A session of its own, stdin from /dev/null, and the outputs below; else the terminal, the process group and the
     standard descriptors of its parent. */
  int contained;
  /* Working directory; NULL for that of the parent. */
  const char *directory;
  /* Above 3. */
  int out, err;
};

static inline int berth_child_contain(const struct berth_child_plan *plan) {
  if (setsid() < 0) return errno;
  /* Orphaned descendants become children of this process while it lives. exec keeps this flag, fork does not. */
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) return errno;
  if (plan->directory && chdir(plan->directory) < 0) return errno;
  int null = open("/dev/null", O_RDONLY);
  if (null < 0 || dup2(null, 0) < 0 || dup2(plan->out, 1) < 0 || dup2(plan->err, 2) < 0) return errno;
  return 0;
}

/* Runs in the child between fork and exec. Calls only functions that are safe there, because the parent has threads. */
static inline int berth_child_prepare(const struct berth_child_plan *plan, char *const env[], int report,
                                      pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return errno;
  /* If the parent died before PR_SET_PDEATHSIG, the kernel sends no signal: exit now. */
  if (getppid() != parent) _exit(127);
  int error = plan->contained ? berth_child_contain(plan) : 0;
  if (error) return error;
  if (report != 3 && syscall(SYS_dup3, report, 3, O_CLOEXEC) < 0) return errno;
  if (syscall(SYS_close_range, 4U, ~0U, 0U) < 0) return errno;

  struct sigaction action;
  __builtin_memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < 65; number++) {
    struct sigaction now;
    /* A program under nohup ignores SIGHUP, and its child must too. Only libuv ignores SIGPIPE. */
    int inherits = !plan->contained && number != SIGPIPE && sigaction(number, 0, &now) == 0;
    if (!inherits || now.sa_handler != SIG_IGN) sigaction(number, &action, 0);
  }
  environ = (char **)env;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  return 0;
}

/* Starts argv[0] (searched in the PATH of env). The kernel kills it when the calling thread ends. All descriptors but
   the standard ones are closed. Returns the pid, or a negated errno if any step up to and including exec failed. */
static inline int berth_child_start(char *const argv[], char *const env[], const struct berth_child_plan *plan) {
  int report[2];
  if (syscall(SYS_pipe2, report, O_CLOEXEC) < 0) return -errno;
  /* Block signals: the child would run the parent's handlers until it has reset them. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) {
    int error = berth_child_prepare(plan, env, report[1], parent);
    if (error == 0) {
      execvp(argv[0], argv);
      error = errno;
    }
    /* The report pipe is descriptor 3, unless the preparation failed before the dup3. */
    if (write(report[1], &error, sizeof error) < 0 && write(3, &error, sizeof error) < 0) _exit(126);
    _exit(127);
  }
  int failure = pid < 0 ? errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, 0);
  close(report[1]);
  if (pid > 0) {
    int error = 0;
    ssize_t count;
    do count = read(report[0], &error, sizeof error);
    while (count < 0 && errno == EINTR);
    if (count == sizeof error) {
      failure = error;
      while (waitpid(pid, 0, 0) < 0 && errno == EINTR) continue;
    }
  }
  close(report[0]);
  return failure ? -failure : pid;
}

/* Checks whether the child has ended. If so, kills the rest of its group, then collects its status. The order matters:
   the pid cannot be reused before its status is collected. Returns 1 with *code or *number set, 0 while the child runs,
   or a negated errno. */
static inline int berth_child_reap(int pid, int *code, int *number) {
  siginfo_t info;
  info.si_pid = 0;
  if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return -errno;
  if (info.si_pid == 0) return 0;
  kill(-pid, SIGKILL);
  int status = 0;
  if (waitpid(pid, &status, 0) < 0) return -errno;
  *code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  *number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return 1;
}

/* As berth_child_reap, for a child in the process group of its parent: only the child itself. */
static inline int berth_child_collect(int pid, int *code, int *number) {
  int status = 0;
  pid_t ended = waitpid(pid, &status, WNOHANG);
  if (ended <= 0) return ended < 0 ? -errno : 0;
  *code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  *number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return 1;
}

/* Makes this process the parent of its orphaned descendants. Returns 0 or a negated errno. */
static inline int berth_child_adopt(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0; }

/* The pid of a child that has ended and whose status is not collected yet; 0 if there is none. */
static inline int berth_child_ended(void) {
  siginfo_t info;
  info.si_pid = 0;
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? 0 : info.si_pid;
}

/* Collects the status of an ended child, so that the kernel may reuse its pid. */
static inline void berth_child_discard(int pid) {
  siginfo_t info;
  waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG);
}

#endif
