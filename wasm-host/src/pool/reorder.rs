//! Puts things that are finished in any order back into the order in which they began. Pure.

use std::collections::VecDeque;

/// A place in the order. Valid for the [`Reorder`] that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// A queue in which places are taken first and filled later.
///
/// Places are numbered without gaps and never reused, so a ticket from before a [`Reorder::clear`] is recognised.
#[derive(Debug)]
pub struct Reorder<T> {
    front: u64,
    places: VecDeque<Option<T>>,
}

impl<T> Default for Reorder<T> {
    fn default() -> Self {
        Self { front: 0, places: VecDeque::new() }
    }
}

impl<T> Reorder<T> {
    /// Takes the next place, to be filled later.
    pub fn reserve(&mut self) -> Ticket {
        self.places.push_back(None);
        Ticket(self.front + self.places.len() as u64 - 1)
    }

    /// Takes the next place and fills it at once.
    pub fn push(&mut self, item: T) {
        self.places.push_back(Some(item));
    }

    /// Fills a place. False when it was given up by [`Reorder::clear`] or is filled.
    pub fn fill(&mut self, ticket: Ticket, item: T) -> bool {
        match self.place(ticket) {
            Some(place @ None) => {
                *place = Some(item);
                true
            }
            _ => false,
        }
    }

    /// Takes the item at the front, if it is filled.
    pub fn pop(&mut self) -> Option<T> {
        if !matches!(self.places.front(), Some(Some(_))) {
            return None;
        }
        self.front += 1;
        self.places.pop_front().flatten()
    }

    /// Gives up the place at the front, filled or not. `None` when no place is taken.
    pub fn skip(&mut self) -> Option<Option<T>> {
        let place = self.places.pop_front()?;
        self.front += 1;
        Some(place)
    }

    /// Gives up all places; the filled items come back in order.
    pub fn clear(&mut self) -> Vec<T> {
        self.front += self.places.len() as u64;
        self.places.drain(..).flatten().collect()
    }

    /// Places that are taken.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// True when no place is taken.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn place(&mut self, ticket: Ticket) -> Option<&mut Option<T>> {
        let index = usize::try_from(ticket.0.checked_sub(self.front)?).ok()?;
        self.places.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_unfilled_front_holds_the_rest_back() {
        let mut order = Reorder::default();
        let first = order.reserve();
        order.push("second");
        assert_eq!(order.pop(), None);
        assert!(order.fill(first, "first"));
        assert_eq!((order.pop(), order.pop(), order.pop()), (Some("first"), Some("second"), None));
    }

    #[test]
    fn a_place_is_filled_once_and_not_after_clear() {
        let mut order = Reorder::default();
        let kept = order.reserve();
        let open = order.reserve();
        assert!(order.fill(kept, 1));
        assert!(!order.fill(kept, 2));
        assert_eq!(order.clear(), vec![1]);
        assert!(!order.fill(open, 3));
        assert!(!order.fill(Ticket(99), 3));
        assert!(order.is_empty());
        let next = order.reserve();
        assert!(next.0 > open.0, "tickets are not reused");
    }

    #[test]
    fn a_skipped_place_is_not_filled_later() {
        let mut order = Reorder::default();
        let open = order.reserve();
        order.push(2);
        assert_eq!((order.skip(), order.skip(), order.skip()), (Some(None), Some(Some(2)), None));
        assert!(!order.fill(open, 1));
        order.push(3);
        assert_eq!(order.pop(), Some(3));
    }

    proptest! {
        /// Whatever the order of filling, everything leaves once and in the order of the places.
        #[test]
        fn leaves_in_the_order_of_places(fill_order in Just((0..40usize).collect::<Vec<_>>()).prop_shuffle()) {
            let mut order = Reorder::default();
            let tickets: Vec<Ticket> = fill_order.iter().map(|_| order.reserve()).collect();
            let mut left = Vec::new();
            for place in fill_order {
                prop_assert!(order.fill(tickets[place], place));
                left.extend(std::iter::from_fn(|| order.pop()));
            }
            prop_assert_eq!(left, (0..40).collect::<Vec<_>>());
        }

        /// Against a plain model: a list of (ticket, filled item) pairs.
        #[test]
        fn behaves_like_a_list(steps in prop::collection::vec((0..5u8, 0..12u64), 0..120)) {
            let mut order = Reorder::default();
            let mut model: Vec<(u64, Option<u64>)> = Vec::new();
            let mut next = 0;
            for (step, value) in steps {
                match step {
                    0 => {
                        prop_assert_eq!(order.reserve(), Ticket(next));
                        model.push((next, None));
                        next += 1;
                    }
                    1 => {
                        order.push(value);
                        model.push((next, Some(value)));
                        next += 1;
                    }
                    2 => {
                        let open = model.iter_mut().find(|(ticket, item)| *ticket == value && item.is_none());
                        prop_assert_eq!(order.fill(Ticket(value), value), open.is_some());
                        if let Some((_, item)) = open {
                            *item = Some(value);
                        }
                    }
                    3 => {
                        let ready = model.first().is_some_and(|(_, item)| item.is_some());
                        let expected = if ready { model.remove(0).1 } else { None };
                        prop_assert_eq!(order.pop(), expected);
                    }
                    _ if value == 0 => {
                        let expected: Vec<u64> = model.drain(..).filter_map(|(_, item)| item).collect();
                        prop_assert_eq!(order.clear(), expected);
                    }
                    _ => {}
                }
                prop_assert_eq!(order.len(), model.len());
            }
        }
    }
}
