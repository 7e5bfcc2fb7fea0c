//! The model that comes with telos can be read, tells the states of its robots apart, and refuses words
//! that it does not know.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use telos_envs::registry;
use telos_nn::Device;
use telos_rewards::vision::{self, Frames, SentenceConfig, SentenceReward, VisionLanguageModel, similarity};
use telos_sim::render::{Image, RenderOptions, Renderer};

/// The pendulum at an angle from upright.
fn pendulum(angle: f32, side: usize) -> Vec<u8> {
    let mut env = registry::make("pendulum-swingup").unwrap();
    env.reset(0, &mut [0.0; 3]);
    let world = env.privileges().unwrap().world_mut();
    let hinge = world.model().joint("hinge").unwrap();
    world.set_joint_position(hinge, angle);
    world.forward();
    let mut image = Image::new();
    Renderer::new(side, side, RenderOptions::default()).unwrap().render(&env.scene().unwrap(), &mut image);
    image.rgb().to_vec()
}

#[test]
fn it_tells_an_upright_pendulum_from_a_hanging_one() {
    let model = vision::open(None, &Device::Cpu).unwrap();
    let (upright, hanging) = (pendulum(0.0, model.side()), pendulum(3.1, model.side()));
    for (sentence, wanted, other) in
        [("a pendulum standing upright", &upright, &hanging), ("a pendulum hanging down", &hanging, &upright)]
    {
        let near = similarity(&model, wanted, sentence).unwrap();
        let far = similarity(&model, other, sentence).unwrap();
        assert!(near > far + 0.1, "{sentence}: {near} {far}");
    }
}

#[test]
fn standardised_rewards_have_mean_0_and_deviation_1_on_what_they_were_fitted_to() {
    let config =
        SentenceConfig { goal: vec!["a pendulum standing upright".into()], ..SentenceConfig::default() };
    let mut reward = SentenceReward::new(&config, &Device::Cpu).unwrap();
    let side = reward.side();
    let rgb: Vec<u8> = (0..12).flat_map(|at| pendulum(0.5 * at as f32, side)).collect();
    let frames = Frames::new(side, &rgb).unwrap();
    reward.standardise(frames).unwrap();
    let rewards = reward.rewards(frames).unwrap();
    let mean = rewards.iter().sum::<f32>() / 12.0;
    let variance = rewards.iter().map(|reward| (reward - mean).powi(2)).sum::<f32>() / 12.0;
    assert!(mean.abs() < 1e-3 && (variance - 1.0).abs() < 1e-2, "{mean} {variance}");
}

#[test]
fn unknown_words_and_missing_models_are_named() {
    let refused =
        |config: SentenceConfig| SentenceReward::new(&config, &Device::Cpu).err().unwrap().to_string();
    let goal = |goal: &str| SentenceConfig { goal: vec![goal.into()], ..SentenceConfig::default() };
    let error = refused(goal("a zebra standing upright"));
    assert!(error.contains("`zebra`") && error.contains("pendulum"), "{error}");
    let mut elsewhere = goal("a pendulum");
    elsewhere.clip.dir = Some("no/such/model".into());
    assert!(refused(elsewhere).contains("no/such/model"));
    let both = SentenceConfig { others: vec!["a robot".into()], projection: 0.5, ..goal("a pendulum") };
    assert!(refused(both).contains("`projection`"));
}
