// SPDX-License-Identifier: Apache-2.0
// How the memory that a program does not use any more goes back to the node.
#pragma once

namespace barevip {

/// For programs that live on nodes, before the first thread begins: all threads share one heap. A
/// heap for each of them, which is glibc's way, keeps free memory that the others cannot use; the
/// programs allocate far too seldom for threads to wait for each other.
void shareOneHeap();

/// Returns what is free to the node, for when much was freed at once. Takes some milliseconds. Any
/// thread, several at a time.
void returnFreeMemory();

}  // namespace barevip
