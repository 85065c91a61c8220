//! Owns [`LargePages`], the program's allocator: the system's, with large blocks on large pages.
//!
//! A file of some megabytes makes a handful of large blocks (its text, its leaves, the text that is written). The kernel hands them out
//! in pages of 4 KiB, each with a fault when it is first touched: a quarter of the time of a large file. On 2 MiB pages the faults are
//! gone (`docs/benchmarks.md`). Linux gives such pages where they are asked for, so every block from [`LARGE`] on asks; small files
//! have none and cost nothing.

#![expect(unsafe_code, reason = "an allocator cannot be written without; the library has none")]

use std::alloc::{GlobalAlloc, Layout, System};

use rustix::mm::{Advice, madvise};

/// Blocks of this size and more are on large pages.
const LARGE: usize = 1 << 20;

/// The size of a large page.
const PAGE: usize = 2 << 20;

/// The system's allocator, with large blocks on large pages.
pub(crate) struct LargePages;

/// What the system is asked for in the place of a large block: whole large pages.
fn whole_pages(layout: Layout) -> Option<Layout> {
    let size = layout.size().checked_next_multiple_of(PAGE)?;
    Layout::from_size_align(size, layout.align().max(PAGE)).ok()
}

// SAFETY: every block comes from the system's allocator and goes back to it with the layout it was asked for, which follows from the
// caller's alone. A block is at least as large and as aligned as the caller's layout says. No method unwinds.
unsafe impl GlobalAlloc for LargePages {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            // SAFETY: the caller's promise: the size is not zero.
            return unsafe { System.alloc(layout) };
        }
        let Some(whole) = whole_pages(layout) else { return std::ptr::null_mut() };
        // SAFETY: the size is not zero.
        let block = unsafe { System.alloc(whole) };
        if !block.is_null() {
            // SAFETY: the range is the new block, in whole pages. The advice changes no bytes; without it the block has small pages.
            let _ = unsafe { madvise(block.cast(), whole.size(), Advice::LinuxHugepage) };
        }
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            // SAFETY: the caller's promise: the size is not zero.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: the caller's promise is that of `alloc`; the block has at least the size of the layout.
        unsafe {
            let block = self.alloc(layout);
            if !block.is_null() {
                block.write_bytes(0, layout.size());
            }
            block
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let layout = if layout.size() < LARGE { layout } else { whole_pages(layout).unwrap_or(layout) };
        // SAFETY: the caller's promise: the block is one of ours, of this layout; `alloc` asked for the same.
        unsafe { System.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.size() < LARGE && size < LARGE {
            // SAFETY: the caller's promise; the block came from the system with this very layout.
            return unsafe { System.realloc(block, layout, size) };
        }
        let whole = |size| Layout::from_size_align(size, layout.align()).ok().and_then(whole_pages);
        if layout.size() >= LARGE && size >= LARGE && whole(size) == whole(layout.size()) {
            return block;
        }
        // SAFETY: the caller's promise: the size, rounded up to the alignment, is below `isize::MAX`. The blocks are apart.
        unsafe {
            let other = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !other.is_null() {
                other.copy_from_nonoverlapping(block, layout.size().min(size));
                self.dealloc(block, layout);
            }
            other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_keeps_its_bytes_while_it_grows_and_shrinks() {
        let mut bytes = Vec::new();
        let sizes = [1, LARGE - 1, LARGE, LARGE + 1, PAGE, PAGE + 1, 3 * PAGE, LARGE, LARGE - 1, 100, 5 * PAGE, 7];
        for size in sizes {
            bytes.shrink_to(size);
            bytes.truncate(size);
            bytes.extend((bytes.len()..size).map(|at| (at % 251) as u8));
            bytes.shrink_to_fit();
            assert!(bytes.len() == size && bytes.iter().enumerate().all(|(at, byte)| *byte == (at % 251) as u8), "{size}");
        }
    }

    #[test]
    fn large_blocks_are_whole_large_pages_and_may_be_zeroed() {
        for size in [LARGE, PAGE, PAGE + 1, 9 * LARGE] {
            let bytes = vec![0_u8; size];
            assert!(bytes.as_ptr().addr().is_multiple_of(PAGE) && bytes.iter().all(|byte| *byte == 0), "{size}");
        }
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let mut bytes: Vec<u8> = Vec::new();
        assert!(bytes.try_reserve_exact(isize::MAX as usize).is_err());
        assert!(bytes.try_reserve_exact(isize::MAX as usize - PAGE).is_err());
    }
}
