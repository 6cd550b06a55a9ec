//! The layouts of outputs; the numbers are those of the outputs in the model's order.

use edgevision_sdk::nms::Method;

use crate::params::Order;

/// Layout of the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A row of scores and one of edges for each prior box; priors and variances are applied already.
    ScoresBoxes {
        /// `[1, N, columns]`.
        scores: usize,
        /// `[1, N, 4]`.
        boxes: usize,
        /// Scores of a box, background included; at least 1.
        columns: usize,
    },
    /// `[1, 1, N, 7]`: image, class, score, edges; an image below 0 ends the list. Caffe, OpenVINO.
    DetectionOutput {
        /// The output.
        output: usize,
    },
    /// The outputs of TensorFlow's Object Detection API, and of TFLite's detection post-processing.
    Tensorflow {
        /// `[1, N, 4]`.
        boxes: usize,
        /// `[1, N]`.
        classes: usize,
        /// `[1, N]`.
        scores: usize,
        /// `[1]`; without it all N count.
        count: Option<usize>,
    },
}

impl Layout {
    /// The last of the outputs that are read.
    pub fn last_output(self) -> usize {
        match self {
            Self::ScoresBoxes { scores, boxes, .. } => scores.max(boxes),
            Self::DetectionOutput { output } => output,
            Self::Tensorflow { boxes, classes, scores, count } => {
                boxes.max(classes).max(scores).max(count.unwrap_or(0))
            }
        }
    }

    /// Two of the three come out of the model's own NMS.
    pub fn method(self) -> Method {
        if matches!(self, Self::ScoresBoxes { .. }) { Method::Greedy } else { Method::None }
    }

    /// The order of the edges unless the user says otherwise.
    pub fn order(self) -> Order {
        if matches!(self, Self::Tensorflow { .. }) { Order::Yxyx } else { Order::Xyxy }
    }

    /// The model's number for the first label, unless the user says otherwise: 0 is background.
    pub fn first_class(self) -> usize {
        if matches!(self, Self::ScoresBoxes { columns: 1, .. }) { 0 } else { 1 }
    }
}
