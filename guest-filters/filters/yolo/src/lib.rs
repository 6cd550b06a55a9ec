//! Tensor to detections: YOLOX and YOLOv8 outputs, NMS, boxes in source pixels.
