//! x
#[derive(Debug, clap::Args)]
pub(super) struct Bench {}
impl Bench {
    pub(super) fn run(self) -> Result<i32, crate::TelosError> {
        Ok(0)
    }
}
