//! Reports the whole frame when the picture is nearly black: a covered lens, a lamp that went out.

use edgevision_sdk::{
    Context, DType, Detect, Detection, FrameView, Geometry, Infer, Params, PixelFormat, Preprocess, Request,
    TensorData, TensorMut, TensorRef, TensorSpec,
};

edgevision_sdk::describe! { params: include_str!("../params.schema.json") }
edgevision_sdk::export_both!(Brightness, Covered);

/// What the user may set. An unknown key is a typo that somebody has to be told about.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    below: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { below: 24.0 }
    }
}

impl Settings {
    fn new(params: Params) -> Result<Self, String> {
        let settings: Self = params.parse()?;
        if !(0.0..=255.0).contains(&settings.below) {
            return Err(format!("parameter `below` is {}, allowed is 0 to 255", settings.below));
        }
        Ok(settings)
    }
}

/// Frame to tensor: a single number, the mean of the brightness.
struct Brightness;

impl Preprocess for Brightness {
    fn new(params: Params, _context: &Context) -> Result<Self, String> {
        Settings::new(params)?;
        Ok(Self)
    }

    fn tensor_spec(&self) -> TensorSpec {
        TensorSpec { dtype: DType::F32, dims: vec![1] }
    }

    fn run(&mut self, frame: &FrameView, tensor: &mut TensorMut) -> Result<Geometry, String> {
        if matches!(frame.format(), PixelFormat::Rgb | PixelFormat::Bgr) {
            return Err("packed colours are not supported; this module reads the luma plane".into());
        }
        let TensorMut::F32(values) = tensor else { return Err("the tensor is not f32".into()) };
        let rows = (0..frame.height()).map(|y| frame.row(0, y));
        let sum: u64 = rows.map(|row| row.iter().map(|&luma| u64::from(luma)).sum::<u64>()).sum();
        values[0] = sum as f32 / (frame.width() * frame.height()) as f32;
        Ok(Geometry { scale_x: 1.0, scale_y: 1.0, input_width: 1, input_height: 1, ..Geometry::default() })
    }
}

/// Tensor to detections.
struct Covered {
    below: f32,
}

impl Detect for Covered {
    fn new(params: Params, _context: &Context) -> Result<Self, String> {
        let Settings { below } = Settings::new(params)?;
        Ok(Self { below })
    }

    fn run(
        &mut self,
        tensor: &TensorRef,
        request: &Request,
        _model: &mut dyn Infer,
        report: &mut dyn FnMut(Detection),
    ) -> Result<(), String> {
        let TensorData::F32([mean]) = tensor.data else { return Err("one f32 was expected".into()) };
        if *mean < self.below {
            let (x1, y1) = (request.frame_width as f32, request.frame_height as f32);
            report(Detection { x0: 0.0, y0: 0.0, x1, y1, score: 1.0, class_id: 0 });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use edgevision_sdk::testing::{NoModel, OwnedFrame};

    use super::*;

    fn detections(luma: u8, params: &str) -> Vec<Detection> {
        let (params, context) = (Params::from_json(params).unwrap(), Context::default());
        let mut frame = OwnedFrame::new(PixelFormat::I420, 64, 48);
        frame.fill(|plane, _x, _y| if plane == 0 { luma } else { 128 });
        let mut mean = [0.0];
        let mut brightness = Brightness::new(params.clone(), &context).unwrap();
        let geometry = brightness.run(&frame.view(), &mut TensorMut::F32(&mut mean)).unwrap();
        let tensor = TensorRef { data: TensorData::F32(&mean), dims: &[1], geometry };
        let request = Request { frame_width: 64, frame_height: 48 };
        let mut found = vec![];
        let mut covered = <Covered as Detect>::new(params, &context).unwrap();
        covered.run(&tensor, &request, &mut NoModel, &mut |detection| found.push(detection)).unwrap();
        found
    }

    #[test]
    fn a_black_picture_is_reported_and_a_grey_one_is_not() {
        assert_eq!(detections(16, "{}").len(), 1);
        assert_eq!(detections(100, "{}").len(), 0);
        assert_eq!(detections(100, r#"{"below":120}"#)[0].x1, 64.0);
    }

    #[test]
    fn a_typo_is_refused() {
        let params = Params::from_json(r#"{"belov":120}"#).unwrap();
        assert_eq!(Settings::new(params).err().unwrap(), "unknown parameter `belov`; allowed: `below`");
    }
}
