//! Which frame waits, which gives way, and whose turn it is. Pure: no threads, no clock, no frames.

use std::collections::VecDeque;

use super::DropPolicy;

/// What became of an item that was offered to an [`Inbox`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Push<T> {
    /// It waits.
    Accepted,
    /// It waits, and this older one gave way.
    Replaced(T),
    /// No room; it comes back.
    Full(T),
}

/// The bounded queue of one camera.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    waiting: VecDeque<T>,
    capacity: usize,
    policy: DropPolicy,
}

impl<T> Inbox<T> {
    /// Room for `capacity` items, at least one.
    pub fn new(capacity: usize, policy: DropPolicy) -> Self {
        Self { waiting: VecDeque::new(), capacity: capacity.max(1), policy }
    }

    pub fn push(&mut self, item: T) -> Push<T> {
        if self.waiting.len() < self.capacity {
            self.waiting.push_back(item);
            return Push::Accepted;
        }
        if self.policy == DropPolicy::Block {
            return Push::Full(item);
        }
        self.waiting.push_back(item);
        self.waiting.pop_front().map_or(Push::Accepted, Push::Replaced)
    }

    pub fn front(&self) -> Option<&T> {
        self.waiting.front()
    }

    pub fn pop(&mut self) -> Option<T> {
        self.waiting.pop_front()
    }

    /// Takes all that wait.
    pub fn take_all(&mut self) -> Vec<T> {
        self.waiting.drain(..).collect()
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}

/// Round robin over ids: after `n` was served, the next one above `n` has its turn.
#[derive(Debug, Default)]
pub(crate) struct Rotation {
    last: u64,
}

impl Rotation {
    /// Picks from the ids that are ready now (any order); `None` when there is none.
    pub fn next(&mut self, ready: impl Iterator<Item = u64>) -> Option<u64> {
        // Ids up to the last one served come after all others.
        let chosen = ready.min_by_key(|&id| (id <= self.last, id))?;
        self.last = chosen;
        Some(chosen)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_newest_win() {
        let mut inbox = Inbox::new(2, DropPolicy::NewestWins);
        assert_eq!(inbox.push(1), Push::Accepted);
        assert_eq!(inbox.push(2), Push::Accepted);
        assert_eq!(inbox.push(3), Push::Replaced(1));
        assert_eq!(inbox.take_all(), vec![2, 3]);
    }

    #[test]
    fn a_full_inbox_that_blocks_keeps_its_order() {
        let mut inbox = Inbox::new(2, DropPolicy::Block);
        inbox.push(1);
        inbox.push(2);
        assert_eq!(inbox.push(3), Push::Full(3));
        assert_eq!((inbox.pop(), inbox.pop(), inbox.pop()), (Some(1), Some(2), None));
    }

    #[test]
    fn no_capacity_means_one() {
        let mut inbox = Inbox::new(0, DropPolicy::Block);
        assert_eq!(inbox.push(1), Push::Accepted);
        assert_eq!(inbox.push(2), Push::Full(2));
    }

    #[test]
    fn the_turn_goes_round() {
        let mut rotation = Rotation::default();
        let turns: Vec<_> = (0..5).map(|_| rotation.next([1, 2, 7].into_iter())).collect();
        assert_eq!(turns, [1, 2, 7, 1, 2].map(Some));
        assert_eq!(rotation.next(std::iter::empty()), None);
        assert_eq!(rotation.next([2].into_iter()), Some(2), "alone, it is served again");
    }

    proptest! {
        /// Every item offered is waiting, replaced, refused or popped: exactly one of them; and those that wait
        /// are in the order of arrival and never more than the capacity.
        #[test]
        fn nothing_is_lost_or_doubled(
            capacity in 1..6usize,
            newest in any::<bool>(),
            steps in prop::collection::vec(any::<bool>(), 0..200),
        ) {
            let policy = if newest { DropPolicy::NewestWins } else { DropPolicy::Block };
            let mut inbox = Inbox::new(capacity, policy);
            let (mut offered, mut out) = (0, Vec::new());
            for push in steps {
                if push {
                    match inbox.push(offered) {
                        Push::Accepted => {}
                        Push::Replaced(old) => { prop_assert!(newest); out.push(old); }
                        Push::Full(item) => { prop_assert!(!newest); prop_assert_eq!(item, offered); out.push(item); }
                    }
                    offered += 1;
                } else {
                    out.extend(inbox.pop());
                }
                prop_assert!(inbox.len() <= capacity);
            }
            let rest = inbox.take_all();
            prop_assert!(rest.is_sorted());
            out.extend(rest);
            out.sort_unstable();
            prop_assert_eq!(out, (0..offered).collect::<Vec<_>>());
        }

        /// While it is ready, an id waits at most for one turn of each other.
        #[test]
        fn nobody_starves(others in prop::collection::btree_set(0..50u64, 0..10), me in 0..50u64, warm in 0..7usize) {
            let mut rotation = Rotation::default();
            let all = || others.iter().copied().chain([me]);
            for _ in 0..warm {
                rotation.next(all());
            }
            let wait = (0..).find(|_| rotation.next(all()) == Some(me)).unwrap();
            prop_assert!(wait <= others.len());
        }
    }
}
