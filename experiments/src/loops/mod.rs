//! x
use crate::config::Config;
use crate::*;
#[allow(missing_docs)]
pub enum Outcome {
    Finished(Report),
    Interrupted,
}
#[derive(serde::Serialize)]
#[allow(missing_docs)]
pub struct Report;
impl std::fmt::Display for Report {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}
#[allow(missing_docs)]
impl Report {
    pub fn combine(_: Vec<Report>) -> Report {
        Report
    }
}
#[allow(missing_docs)]
pub fn train(_: &Config, _: &RunDirectory, _: &Interrupt, _: &Progress) -> Result<Outcome, TelosError> {
    Ok(Outcome::Finished(Report))
}
