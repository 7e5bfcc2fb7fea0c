//! x
#[derive(Debug, clap::Args)]
pub(super) struct Eval {}
impl Eval {
    pub(super) fn run(self) -> Result<i32, crate::TelosError> {
        Ok(0)
    }
}
