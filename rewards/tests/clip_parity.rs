//! CLIP, OpenCLIP and SigLIP compute what `transformers` computes with the same files, which
//! `clip_parity/make.py` wrote; directories that are no whole model are refused.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use telos_nn::Device;
use telos_rewards::vision::{Clip, Frames, VisionLanguageModel};

#[derive(Deserialize)]
struct Expected {
    sentences: Vec<String>,
    text: Vec<Vec<f32>>,
    picture: Vec<u8>,
    vision: Vec<Vec<f32>>,
}

const FAMILIES: [&str; 3] = ["clip", "openclip", "siglip"];

fn fixture(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clip_parity").join(family)
}

fn assert_close(found: &[f32], expected: &[Vec<f32>], what: &str) {
    let expected = expected.concat();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < 2e-5, "{what} {at}: {found} against {expected}");
    }
}

#[test]
fn embeddings_are_those_of_transformers() {
    for family in FAMILIES {
        let text = fs::read_to_string(fixture(family).join("expected.json")).unwrap();
        let expected: Expected = serde_json::from_str(&text).unwrap();
        let clip = Clip::open(&fixture(family), &Device::Cpu).unwrap();
        let sentences: Vec<&str> = expected.sentences.iter().map(String::as_str).collect();
        assert_close(&clip.embed_sentences(&sentences).unwrap(), &expected.text, family);
        let frames = Frames::new(clip.side(), &expected.picture).unwrap();
        let embedded = clip.embed_pictures(frames).unwrap();
        assert_eq!(embedded.len(), clip.dimensions());
        assert_close(&embedded, &expected.vision, family);

        // Neither depends on what is computed beside it.
        assert_close(&clip.embed_sentences(&sentences[2..3]).unwrap(), &expected.text[2..3], family);
        let mut many = vec![0; expected.picture.len() * 70];
        many.extend(&expected.picture);
        let frames = Frames::new(clip.side(), &many).unwrap();
        let embedded = clip.embed_pictures(frames).unwrap();
        assert_close(&embedded[70 * clip.dimensions()..], &expected.vision, family);
    }
}

/// A copy of a model's directory, after `damage`, and what is said about it.
fn refusal(family: &str, damage: impl FnOnce(&Path)) -> String {
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(fixture(family)).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    damage(copy.path());
    match Clip::open(copy.path(), &Device::Cpu) {
        Ok(_) => panic!("a damaged directory was read"),
        Err(error) => error.to_string(),
    }
}

fn edit(file: &'static str, from: &'static str, to: &'static str) -> impl FnOnce(&Path) {
    move |directory| {
        let path = directory.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }
}

#[test]
fn missing_files_are_named() {
    for file in ["config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"] {
        let error = refusal("clip", |directory| fs::remove_file(directory.join(file)).unwrap());
        assert!(error.contains(file) && error.contains("get this file"), "{error}");
    }
    let error = Clip::open(Path::new("no/such/model"), &Device::Cpu).err().unwrap().to_string();
    assert!(error.contains("no/such/model") && error.contains("is no directory"), "{error}");
}

#[test]
fn partial_and_foreign_models_are_refused() {
    let error = refusal("clip", |directory| {
        let path = directory.join("model.safetensors");
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    });
    assert!(error.contains("model.safetensors"), "{error}");
    let error = refusal("clip", |directory| {
        fs::copy(fixture("siglip").join("model.safetensors"), directory.join("model.safetensors")).unwrap();
    });
    assert!(error.contains("model.safetensors"), "{error}");
    let error = refusal("clip", edit("config.json", "\"model_type\": \"clip\"", "\"model_type\": \"bert\""));
    assert!(error.contains("config.json") && error.contains("`bert`"), "{error}");
    let error = refusal("clip", edit("config.json", "\"quick_gelu\"", "\"swish\""));
    assert!(
        error.contains("`text_config.hidden_act`") || error.contains("`vision_config.hidden_act`"),
        "{error}"
    );
    let error = refusal("clip", edit("config.json", "\"image_size\": 20", "\"image_size\": 32"));
    assert!(error.contains("32 pixels"), "{error}");
    let error =
        refusal("clip", edit("config.json", "\"num_attention_heads\": 3", "\"num_attention_heads\": 5"));
    assert!(error.contains("5 heads"), "{error}");
    let error = refusal("clip", edit("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"));
    assert!(error.contains("layers.2"), "{error}");
    let error = refusal("clip", edit("tokenizer.json", "{", "["));
    assert!(error.contains("tokenizer.json"), "{error}");
}

#[test]
fn shards_are_found_by_their_index() {
    let error = refusal("clip", |directory| {
        fs::rename(directory.join("model.safetensors"), directory.join("one.safetensors")).unwrap();
        let index = r#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#;
        fs::write(directory.join("model.safetensors.index.json"), index).unwrap();
        assert!(Clip::open(directory, &Device::Cpu).is_err());
        let whole = r#"{"weight_map": {"a": "one.safetensors"}}"#;
        fs::write(directory.join("model.safetensors.index.json"), whole).unwrap();
        assert!(Clip::open(directory, &Device::Cpu).is_ok());
        fs::write(directory.join("model.safetensors.index.json"), index).unwrap();
    });
    assert!(error.contains("two.safetensors"), "{error}");
}

#[test]
fn pictures_of_another_size_are_refused() {
    let clip = Clip::open(&fixture("clip"), &Device::Cpu).unwrap();
    let error = clip.embed_pictures(Frames::new(10, &[0; 300]).unwrap()).unwrap_err().to_string();
    assert!(error.contains("expected 20") && error.contains("found 10"), "{error}");
}
