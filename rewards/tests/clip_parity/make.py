"""Tiny models of the CLIP family with random weights, and what `transformers` computes with them.

    pip install torch transformers tokenizers safetensors
    python rewards/tests/clip_parity/make.py

writes beside this file one directory per family, in Hugging Face's layout, with `expected.json`: the
embeddings, of length 1, of the sentences and of one picture per size. `rewards/tests/clip_parity.rs`
compares telos with them.
"""

import json
import pathlib

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, SiglipConfig, SiglipImageProcessor, SiglipModel

HERE = pathlib.Path(__file__).parent
SENTENCES = ["a humanoid robot kneeling", "a humanoid robot", "robot",
             "a red cube left of the gripper of a robot arm that is far too long to be read to its end"]
SIDE, PATCH = 20, 8  # the last four pixels of each row belong to no patch
TEXT = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
            max_position_embeddings=24)
VISION = dict(hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=3,
              image_size=SIDE, patch_size=PATCH)


def tokenizer(path, siglip):
    tokens = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|end|>"))
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens.decoder = decoders.ByteLevel()
    special = ["<|start|>", "<|end|>"]
    tokens.train_from_iterator(SENTENCES, trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, end_of_word_suffix="</w>",
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    start, end = (tokens.token_to_id(token) for token in special)
    single = "$A <|end|>" if siglip else "<|start|> $A <|end|>"
    tokens.post_processor = processors.TemplateProcessing(
        single=single, special_tokens=[("<|start|>", start), ("<|end|>", end)])
    tokens.save(str(path))
    return tokens, start, end


def randomise(model):
    """Weights large enough for every part to matter."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name and name.endswith("weight"):
                parameter.uniform_(0.5, 1.5)
            else:
                parameter.normal_(0, 0.4)
    return model.eval()


def write(name, model, processor, siglip):
    path = HERE / name
    path.mkdir(exist_ok=True)
    model.save_pretrained(path)
    processor.save_pretrained(path)
    tokens, start, end = tokenizer(path / "tokenizer.json", siglip)
    length = TEXT["max_position_embeddings"]
    tokens.enable_truncation(length)
    ids = [tokens.encode(sentence).ids for sentence in SENTENCES]
    pad = model.config.text_config.pad_token_id
    full = torch.tensor([row + [pad] * (length - len(row)) for row in ids])
    picture = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    pixels = processor(images=[picture], return_tensors="pt")["pixel_values"]
    assert pixels.shape[-2:] == (SIDE, SIDE)

    def unit(output):
        rows = output if torch.is_tensor(output) else output.pooler_output
        return (rows / rows.norm(dim=-1, keepdim=True)).tolist()

    with torch.no_grad():
        expected = {
            "sentences": SENTENCES,
            "text": unit(model.get_text_features(input_ids=full)),
            "picture": picture.reshape(-1).tolist(),
            "vision": unit(model.get_image_features(pixel_values=pixels)),
        }
    (path / "expected.json").write_text(json.dumps(expected))


def main():
    size = dict(height=SIDE, width=SIDE)
    clip_processor = CLIPImageProcessor(size=size, crop_size=size, do_resize=False)
    text = dict(TEXT, vocab_size=320, bos_token_id=0, eos_token_id=1, pad_token_id=1, projection_dim=8)
    vision = dict(VISION, projection_dim=8)
    for name, act in [("clip", "quick_gelu"), ("openclip", "gelu")]:
        config = CLIPConfig(text_config=dict(text, hidden_act=act), vision_config=dict(vision, hidden_act=act),
                            projection_dim=8)
        write(name, randomise(CLIPModel(config)), clip_processor, False)
    siglip = SiglipConfig(text_config=dict(TEXT, vocab_size=320, pad_token_id=1, projection_size=12),
                          vision_config=VISION)
    write("siglip", randomise(SiglipModel(siglip)), SiglipImageProcessor(size=size, do_resize=False), True)


main()
