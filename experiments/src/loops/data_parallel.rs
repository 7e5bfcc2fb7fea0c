//! Several ranks that are one learner: synchronous data-parallel training.
//!
//! Rank 0 leads: it alone has a run directory, evaluates, writes checkpoints and hears interrupts.
//! The others do what it says, one [`Order`] at a time. A checkpoint holds the state of every rank, so
//! a run goes on exactly after a kill, also with processes where it had threads.

use std::{sync::Arc, thread};

use telos_agents::{
    AgentError, Policy,
    collective::{Collective, ThreadCollective},
};
use telos_checkpoint::{Checkpoint, CheckpointError, Reader, Writer, from_bytes, to_bytes};
use telos_nn::{Device, Parameters};
use telos_rewards::reward_model::RewardModel;

use super::{driver::TrainingLoop, on_policy::OnPolicyLoop, sentence::SentenceTask};
use crate::{TelosError, config::Config};

/// What rank 0 has the others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Order {
    /// Collect a rollout and learn from it.
    Advance,
    /// Tell the leader your state.
    Save,
    /// Take the state that the leader tells you.
    Load,
    /// The training is over.
    Stop,
}

/// Rank 0.
pub(super) struct DataParallelLoop<'a> {
    own: OnPolicyLoop,
    ranks: Box<dyn Collective + 'a>,
    /// States of the other ranks, from rank 1 on: those of the last checkpoint.
    others: Vec<Vec<u8>>,
    /// Whether the other ranks have not been told these states yet.
    restored: bool,
}

impl<'a> DataParallelLoop<'a> {
    /// The leader of `ranks`, or of nobody, to act and be evaluated.
    ///
    /// # Errors
    /// When a rank is lost, or an environment or the learner cannot be built.
    pub(super) fn new(
        config: &Config,
        device: &Device,
        mut ranks: Box<dyn Collective + 'a>,
    ) -> Result<Self, TelosError> {
        let own = OnPolicyLoop::join(config, device, ranks.as_mut())?;
        Ok(Self { own, ranks, others: Vec::new(), restored: false })
    }

    /// Lets the other ranks end.
    ///
    /// # Errors
    /// When a rank is lost.
    pub(super) fn stop(&mut self) -> Result<(), TelosError> {
        self.order(Order::Stop)
    }

    fn order(&mut self, order: Order) -> Result<(), TelosError> {
        self.ranks.all_gather(&[order as u8])?;
        Ok(())
    }
}

impl TrainingLoop for DataParallelLoop<'_> {
    fn step(&self) -> u64 {
        self.own.step()
    }

    fn advance(&mut self) -> Result<(), TelosError> {
        if std::mem::take(&mut self.restored) {
            self.order(Order::Load)?;
            for state in &self.others {
                self.ranks.all_gather_any(state)?;
            }
        }
        self.order(Order::Advance)?;
        self.own.advance_together(self.ranks.as_mut())
    }

    fn gather_state(&mut self) -> Result<(), TelosError> {
        self.order(Order::Save)?;
        self.others = self.ranks.all_gather_any(&[])?.split_off(1);
        Ok(())
    }

    fn policy_and_reward_model(&mut self) -> (&mut dyn Policy, Option<&dyn RewardModel>) {
        self.own.policy_and_reward_model()
    }

    fn recent_return(&self) -> Option<f64> {
        self.own.recent_return()
    }

    fn drain_metrics(&mut self) -> Vec<(String, f64)> {
        self.own.drain_metrics()
    }

    fn sentence(&self) -> Option<Arc<SentenceTask>> {
        self.own.sentence()
    }

    fn weights(&self) -> Vec<&dyn Parameters> {
        self.own.weights()
    }
}

impl Checkpoint for DataParallelLoop<'_> {
    fn save(&self, out: &mut Writer) {
        out.part("rank-0", &self.own);
        out.value("others", &self.others.len());
        for (index, state) in self.others.iter().enumerate() {
            out.bytes(&format!("rank-{}", index + 1), state);
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
        from.part("rank-0", &mut self.own)?;
        let others: usize = from.value("others")?;
        self.others.clear();
        for rank in 1..=others {
            self.others.push(from.bytes(&format!("rank-{rank}"))?.to_vec());
        }
        self.restored = true;
        Ok(())
    }
}

/// A rank other than 0, until the training is over.
///
/// # Errors
/// When another rank is lost, or this one fails.
pub(super) fn follow(config: &Config, device: &Device, ranks: &mut dyn Collective) -> Result<(), TelosError> {
    let mut own = OnPolicyLoop::join(config, device, ranks)?;
    loop {
        // What the others say is not heard.
        let order = ranks.all_gather(&[Order::Stop as u8])?[0];
        if order == Order::Advance as u8 {
            own.advance_together(ranks)?;
        } else if order == Order::Save as u8 {
            ranks.all_gather_any(&to_bytes(&own))?;
        } else if order == Order::Load as u8 {
            for rank in 1..ranks.size() {
                let said = ranks.all_gather_any(&[])?;
                if rank == ranks.rank() {
                    from_bytes(&mut own, &said[0])?;
                }
            }
        } else {
            return Ok(());
        }
    }
}

/// Lets `lead` be rank 0 of `config.parallel.ranks` threads.
///
/// # Errors
/// The error of `lead`, or that of the rank on whose account it was left alone.
pub(super) fn in_threads<T>(
    config: &Config,
    device: &Device,
    lead: impl FnOnce(Box<dyn Collective>) -> Result<T, TelosError>,
) -> Result<T, TelosError> {
    let mut ranks = ThreadCollective::group(config.parallel.ranks).into_iter();
    let first = ranks.next().expect("there is at least one rank");
    thread::scope(|scope| {
        let followers: Vec<_> =
            ranks.map(|mut rank| scope.spawn(move || follow(config, device, &mut rank))).collect();
        let led = lead(Box::new(first));
        // A panic of any rank is a panic of the command.
        let followed = followers
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        let failures: Vec<TelosError> = followed.filter_map(Result::err).collect();
        match led {
            Err(error) if is_loss(&error) => {
                Err(failures.into_iter().find(|failure| !is_loss(failure)).unwrap_or(error))
            }
            led => led,
        }
    })
}

/// Whether a rank says no more than that another one failed.
fn is_loss(error: &TelosError) -> bool {
    matches!(error, TelosError::Agent(AgentError::RankLost { .. }))
}
