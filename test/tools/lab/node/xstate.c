// SPDX-License-Identifier: Apache-2.0
// Preloaded into the User-Mode-Linux kernel, which knows the processor's extended state up to
// AVX-512 only. On a processor with more (AMX) the host refuses to set a part of the state
// (xstateregs_set in arch/x86/kernel/fpu/regset.c wants all of it, else EFAULT) and no node would
// boot. So set all: what the node's kernel does not know of is zero, which is its initial state,
// and no program in a node can ask for its use.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef long (*ptrace_function)(enum __ptrace_request, pid_t, void*, void*);

// Only the kernel's one thread traces, so static storage is enough.
static _Alignas(64) char whole[65536];

static size_t stateSize(ptrace_function real, pid_t pid) {
  static size_t size;
  if (size == 0) {
    struct iovec all = {whole, sizeof whole};
    if (real(PTRACE_GETREGSET, pid, (void*)NT_X86_XSTATE, &all) == 0) {
      size = all.iov_len;
    }
    memset(whole, 0, sizeof whole);
  }
  return size;
}

long ptrace(enum __ptrace_request request, ...) {
  static ptrace_function real;
  va_list arguments;
  va_start(arguments, request);
  const pid_t pid = va_arg(arguments, pid_t);
  void* address = va_arg(arguments, void*);
  void* data = va_arg(arguments, void*);
  va_end(arguments);
  if (!real) {
    real = (ptrace_function)dlsym(RTLD_NEXT, "ptrace");
  }
  if (request == PTRACE_SETREGSET && address == (void*)NT_X86_XSTATE) {
    const struct iovec* part = data;
    const size_t size = stateSize(real, pid);
    if (part->iov_len < size) {
      struct iovec all = {whole, size};
      memcpy(whole, part->iov_base, part->iov_len);
      return real(request, pid, address, &all);
    }
  }
  return real(request, pid, address, data);
}
