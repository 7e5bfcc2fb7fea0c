//! Taking over the state of another environment.

use telos_envs::registry;

#[test]
fn a_branch_goes_on_as_the_original_does() {
    for id in registry::ids() {
        let (mut original, mut branch) = (registry::make(id).unwrap(), registry::make(id).unwrap());
        let mut obs = vec![0.0; original.spec().observation.size()];
        let mut branched = obs.clone();
        let action = vec![0.3; original.spec().action.size()];
        original.reset(1, &mut obs);
        branch.reset(2, &mut branched);
        for _ in 0..20 {
            original.step(&action, &mut obs);
            branch.step(&action, &mut branched);
            branch.step(&action, &mut branched);
        }
        branch.branch_from(original.as_ref()).unwrap();
        let state = |env: &dyn telos_envs::Env| telos_checkpoint::to_bytes(env);
        assert!(state(original.as_ref()) == state(branch.as_ref()), "{id}: the states differ");
        for _ in 0..20 {
            let expected = original.step(&action, &mut obs);
            assert_eq!(branch.step(&action, &mut branched), expected, "{id}");
            assert_eq!(branched, obs, "{id}");
        }
        assert!(state(original.as_ref()) == state(branch.as_ref()), "{id}: the branch has gone astray");
    }
}

#[test]
fn other_environments_are_refused() {
    let (mut reacher, cheetah) = (registry::make("reacher").unwrap(), registry::make("cheetah-run").unwrap());
    let error = reacher.branch_from(cheetah.as_ref()).unwrap_err().to_string();
    assert!(error.contains("`reacher`") && error.contains("`cheetah-run`"), "{error}");
}
