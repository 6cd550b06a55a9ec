//! Frame to tensor: colour conversion, letterbox or stretch, normalisation.
