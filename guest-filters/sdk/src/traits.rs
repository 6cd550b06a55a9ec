//! The roles a module can play, and the model it may ask.

use edgevision_abi::{Detection, Geometry};

use crate::{
    Context, Findings, FrameView, FrameViewMut, Output, Params, Suggestion, TensorMut, TensorRef, TensorSpec,
};

/// Frame to tensor.
pub trait Preprocess: Sized {
    /// Reads the parameters. The error is a sentence for the user; the module is then not used at all.
    fn new(params: Params, context: &Context) -> Result<Self, String>;

    /// Shape and element type of the tensor; the same for the whole life of the instance.
    fn tensor_spec(&self) -> TensorSpec;

    /// Fills the tensor, all of it: what an earlier frame left there may be gone, or may still be there.
    /// Returns where the picture lies in the tensor. The error is a sentence; it costs this frame only.
    fn run(&mut self, frame: &FrameView, tensor: &mut TensorMut) -> Result<Geometry, String>;
}

/// Tensor to detections.
pub trait Detect: Sized {
    /// Reads the parameters. The error is a sentence for the user; the module is then not used at all.
    fn new(params: Params, context: &Context) -> Result<Self, String>;

    /// Finds what is in the tensor, in pixels of the source frame. The error is a sentence; it costs this frame
    /// only, and nothing that was reported before it counts.
    fn run(
        &mut self,
        tensor: &TensorRef,
        request: &Request,
        model: &mut dyn Infer,
        report: &mut dyn FnMut(Detection),
    ) -> Result<(), String>;

    /// As [`run`](Self::run), for a detector that finds more than boxes: this is what the host calls. A detector that
    /// implements it makes `run` of it: `boxes_alone(|found| self.find(tensor, request, model, found), report)`.
    fn find(
        &mut self,
        tensor: &TensorRef,
        request: &Request,
        model: &mut dyn Infer,
        found: &mut Findings,
    ) -> Result<(), String> {
        let mut report = |detection| {
            found.report(detection);
        };
        self.run(tensor, request, model, &mut report)
    }

    /// How the model of `context`, which [`new`](Self::new) has accepted without any parameters, is to be used:
    /// `edgevision inspect MODEL` asks every detector and prints the best answers as a config. None: this is no model
    /// that the detector knows by its names and shapes.
    fn suggest(&self, _context: &Context) -> Option<Suggestion> {
        None
    }
}

/// Frame to frame, of the same size and format.
pub trait Filter: Sized {
    /// Reads the parameters. The error is a sentence for the user; the module is then not used at all.
    fn new(params: Params, context: &Context) -> Result<Self, String>;

    /// Fills `output`, all of it: what an earlier frame left there may be gone, or may still be there. `output` is
    /// like `frame` in all but its strides, and the two don't overlap. The frames of a stream come in their order, to
    /// one instance; size and format may change from one to the next. The error is a sentence; it costs this frame
    /// only, and nothing that was written for it is shown.
    fn run(&mut self, frame: &FrameView, output: &mut FrameViewMut) -> Result<(), String>;
}

/// What [`Detect::run`] is asked to look at, beside the tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Width of the source frame in pixels.
    pub frame_width: u32,
    /// Height of the source frame in lines.
    pub frame_height: u32,
}

/// The model of the job. A trait, so that tests run a detector without an engine.
pub trait Infer {
    /// Runs the model on borrowed inputs. `outputs` are filled in the model's order and keep their memory from call
    /// to call, so that only the first one allocates. The error is a sentence.
    fn infer(&mut self, inputs: &[TensorRef], outputs: &mut [Output]) -> Result<(), String>;
}
