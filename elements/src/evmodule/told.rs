//! Which failures the user has been told about: one warning for each kind, none for each frame. Pure.

use edgevision_wasm_host::analysis::Status;

/// Follows the frames in their order.
#[derive(Debug, Default)]
pub struct Told {
    timeout: bool,
    trapped: bool,
    /// Frames in a row that went well since the last failure.
    good: u32,
}

/// A module that fails on every other frame is not told about on every other frame.
const GOOD_FRAMES_TO_RECOVER: u32 = 10;

impl Told {
    /// Takes note of the next frame: of how it failed, if it did. True when that is worth a warning.
    pub fn is_news(&mut self, failure: Option<Status>) -> bool {
        let Some(status) = failure else {
            self.good = self.good.saturating_add(1);
            if self.good == GOOD_FRAMES_TO_RECOVER {
                *self = Self::default();
            }
            return false;
        };
        self.good = 0;
        let told = if status == Status::Timeout { &mut self.timeout } else { &mut self.trapped };
        !std::mem::replace(told, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_failure_is_told_once_until_ten_frames_went_well() {
        let mut told = Told::default();
        let (trapped, timeout) = (Some(Status::Trapped), Some(Status::Timeout));
        let mut news = |failures: &[Option<Status>]| -> Vec<bool> {
            failures.iter().map(|failure| told.is_news(*failure)).collect()
        };
        assert_eq!(
            news(&[None, trapped, trapped, timeout, trapped, timeout]),
            [false, true, false, true, false, false]
        );
        for _ in 0..20 {
            assert_eq!(news(&[None, trapped]), [false, false], "every other frame");
        }
        assert_eq!(news(&[None; 9]), [false; 9]);
        assert_eq!(news(&[trapped]), [false]);
        assert_eq!(news(&[None; 10]), [false; 10]);
        assert_eq!(news(&[trapped, timeout]), [true, true]);
    }
}
