//! What the author of an edgevision module uses; hides the ABI.
