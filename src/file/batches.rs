//! Owns [`in_batches`], work on all cores whose results are taken in order, and [`side_by_side`].

use std::ops::Range;

use super::seal::PARALLEL_FROM;

/// How many pieces of work a thread gets at a time.
const A_THREAD: usize = 16;

/// Does `count` pieces of work in batches, each on all cores; `take` gets the batches in order, each beside the work on the next one,
/// so that results need not all be kept.
///
/// # Errors
/// The first of `take`.
pub(super) fn in_batches<T: Send, E: Send>(
    count: usize,
    work: impl Fn(Range<usize>) -> Vec<T> + Sync,
    mut take: impl FnMut(Vec<T>) -> Result<(), E> + Send,
) -> Result<(), E> {
    let size = rayon::current_num_threads().max(1) * A_THREAD;
    let batch = |from: usize| work(from..(from + size).min(count));
    let mut done = batch(0);
    for next in (size..count + size).step_by(size) {
        let (more, taken) = rayon::join(|| batch(next.min(count)), || take(done));
        taken?;
        done = more;
    }
    Ok(())
}

/// Runs two closures over so many leaves, on two cores where that pays.
pub(super) fn side_by_side<A: Send, B: Send>(leaves: usize, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    if leaves < PARALLEL_FROM { (a(), b()) } else { rayon::join(a, b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_taken_once_and_in_order() {
        for count in [0, 1, 2, 31, 32, 33, 1_000] {
            let mut taken = Vec::new();
            let all = in_batches(count, Iterator::collect, |batch: Vec<usize>| {
                taken.extend(batch);
                Ok::<_, ()>(())
            });
            assert_eq!((all, taken), (Ok(()), (0..count).collect()));
        }
    }

    #[test]
    fn nothing_is_taken_after_an_error() {
        let mut last = 0;
        let all = in_batches(10_000, Iterator::collect, |batch: Vec<usize>| {
            last = batch.last().copied().unwrap_or_default();
            if last > 500 { Err(last) } else { Ok(()) }
        });
        assert_eq!(all, Err(last));
        assert!(last < 9_999);
    }
}
