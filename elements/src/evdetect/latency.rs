//! How long frames stay: what is planned from the settings, and what is added when they stay longer. Pure.

use gst::ClockTime;

/// What is announced while workers keep up: `held` frames of the length `frame`; `deadline` without a frame rate.
pub fn planned(frame: Option<ClockTime>, held: usize, deadline: ClockTime) -> ClockTime {
    frame.and_then(|frame| frame.checked_mul(held as u64)).unwrap_or(deadline)
}

/// What is announced after a frame has stayed for `stay`: a quarter more, so that few announcements follow, in whole
/// frames. No more than the `room` frames that may be inside.
pub fn grown(stay: ClockTime, frame: Option<ClockTime>, room: usize) -> ClockTime {
    let wanted = stay.saturating_add(stay / 4);
    let Some(frame) = frame.filter(|frame| !frame.is_zero()) else { return wanted };
    let frames = wanted.nseconds().div_ceil(frame.nseconds()).min(room as u64);
    frame.checked_mul(frames).unwrap_or(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Option<ClockTime> = Some(ClockTime::from_mseconds(40));
    const DEADLINE: ClockTime = ClockTime::from_mseconds(500);

    #[test]
    fn planned_in_frames_or_by_the_deadline() {
        assert_eq!(planned(FRAME, 5, DEADLINE), ClockTime::from_mseconds(200));
        assert_eq!(planned(None, 5, DEADLINE), DEADLINE);
        assert_eq!(planned(Some(ClockTime::MAX), 5, DEADLINE), DEADLINE);
    }

    #[test]
    fn grows_in_whole_frames_up_to_what_fits() {
        let grown = |ms, frame, room| grown(ClockTime::from_mseconds(ms), frame, room).mseconds();
        assert_eq!(grown(100, FRAME, 20), 160);
        assert_eq!(grown(128, FRAME, 20), 160);
        assert_eq!(grown(129, FRAME, 20), 200);
        assert_eq!(grown(9000, FRAME, 20), 800);
        assert_eq!(grown(100, None, 20), 125);
        assert_eq!(grown(100, Some(ClockTime::ZERO), 20), 125);
    }
}
