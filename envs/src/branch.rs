//! Branching between environments whose types do not know each other.

use crate::{Env, EnvError};

/// Restores the checkpoint of `other` in `env`.
pub(crate) fn through_bytes(env: &mut (impl Env + ?Sized), other: &dyn Env) -> Result<(), EnvError> {
    let refused = |id: &str, reason: String| {
        Err(EnvError::Branch { id: id.into(), other: other.spec().id.clone(), reason })
    };
    if env.spec() != other.spec() {
        return refused(&env.spec().id, "their specs differ; build both from one constructor".into());
    }
    match telos_checkpoint::from_bytes(env, &telos_checkpoint::to_bytes(other)) {
        Ok(()) => Ok(()),
        Err(error) => refused(&env.spec().id, error.to_string()),
    }
}
