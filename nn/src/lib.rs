//! Neural networks on candle tensors with fused CPU kernels.
