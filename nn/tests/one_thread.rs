//! `keep_on_one_thread` really does: a program of its own, since the usual harness has threads.

use telos_nn::{Device, Tensor, threads};

fn count_threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    assert!(threads::keep_on_one_thread(), "no other thread is there, so it must work");
    let a = Tensor::ones(1 << 18, telos_nn::DType::F32, &Device::Cpu)?;
    let sum = (&a + &a)?;
    let square = Tensor::ones((256, 256), telos_nn::DType::F32, &Device::Cpu)?;
    let product = square.matmul(&square)?;
    assert_eq!(sum.sum_all()?.to_scalar::<f32>()?, (1 << 19) as f32);
    assert_eq!(product.max_all()?.to_scalar::<f32>()?, 256.0);
    assert_eq!(count_threads(), 1, "candle started threads");

    std::thread::scope(|scope| {
        scope.spawn(|| assert!(threads::keep_on_one_thread(), "the first call still holds"));
    });
    Ok(())
}
