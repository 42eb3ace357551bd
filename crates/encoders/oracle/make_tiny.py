"""Makes tiny models of chance in the layouts of the hub, and the vectors that other people's code computes with them.

usage: make_tiny.py      (needs sentence-transformers, transformers, torch and Pillow; run by hand only)

Written below `tiny/`, read by `tests/families.rs`:
  texts.json                  what is encoded
  bge/ e5/ prompted/          as sentence-transformers saves them: first token and normed; mean, with a prompt in front of each text;
                              first token and mean side by side, the prompt's tokens left out, a linear layer with tanh after it
  clip/                       both towers, as transformers saves them
  */expected.safetensors      `lengths` in tokens before any are cut off; `vectors` by sentence-transformers' `encode`; for clip `texts`, and `squares` and `oblongs` with their
                              `square_vectors` and `oblong_vectors`, by transformers and Pillow
"""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, CLIPConfig, CLIPModel, PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

HERE = Path(__file__).parent / "tiny"
TEXTS = [
    "a cat", "A grumpy Cat, drawn like a squishy clay toy", "一只胖乎乎的橘猫", "扁扁平平嘅貼紙", "像小时候的简笔画", "好似啫喱咁立立令",
    "dog", "  spaces   at  both ends  ", "naïve café", "🐱 with emoji 🐶", "", "very long: " + "like a polished button, " * 30,
    "flat like a sticker, no outline", "淨係得線條，冇上色", "only black on white!",
]
HIDDEN, WIDE, LAYERS, HEADS = 16, 32, 2, 4


def shaken(model):
    """Chance large enough that every part matters: fresh layer norms and biases would hide mistakes."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(0, 0.3)
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.add_(1)
    return model.eval()


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def fresh(name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def wordpiece():
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(TEXTS[:10], trainers.WordPieceTrainer(vocab_size=150, special_tokens=special))
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[SEP]", "[CLS]")]
    tokenizer.post_processor = processors.BertProcessing(*ends)
    return tokenizer, dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")


def unigram():
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="<unk>")
    tokenizer.train_from_iterator([*TEXTS[:10], "query: passage: instruction: "], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer, dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>", cls_token="<s>", sep_token="</s>")


def sentence_model(name, model, tokenizer, special, pooling, prompts=None, dense=None):
    """A folder as sentence-transformers lays it out, and what it computes with it."""
    folder = fresh(name)
    model.save_pretrained(folder)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=32, **special)
    fast.save_pretrained(folder)
    kinds = ["Transformer", "Pooling", *(["Dense"] if dense else []), "Normalize"]
    paths = ["", "1_Pooling", *(["2_Dense"] if dense else []), f"{len(kinds) - 1}_Normalize"]
    modules = [
        {"idx": idx, "name": str(idx), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for idx, (kind, path) in enumerate(zip(kinds, paths, strict=True))
    ]
    write_json(folder / "modules.json", modules)
    write_json(folder / "1_Pooling/config.json", {"word_embedding_dimension": HIDDEN, **pooling})
    if prompts:
        write_json(folder / "config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": next(iter(prompts))})
    if dense:
        n_in, n_out = dense
        activation = "torch.nn.modules.activation.Tanh"
        write_json(folder / "2_Dense/config.json", {"in_features": n_in, "out_features": n_out, "bias": True, "activation_function": activation})
        save_file({"linear.weight": torch.randn(n_out, n_in), "linear.bias": torch.randn(n_out)}, folder / "2_Dense/model.safetensors")
    loaded = SentenceTransformer(str(folder), device="cpu")
    vectors = loaded.encode(TEXTS, batch_size=1, convert_to_tensor=True)
    ids = [loaded.tokenizer(loaded.prompts.get(loaded.default_prompt_name, "") + text)["input_ids"] for text in TEXTS]
    lengths = torch.tensor([len(row) for row in ids])
    print(name, vectors.shape, "tokens", lengths.tolist())
    save_file({"vectors": vectors.contiguous(), "lengths": lengths}, folder / "expected.safetensors")


def clip_tokenizer():
    special = ["<|startoftext|>", "<|endoftext|>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    split = pre_tokenizers.Split(words, behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=640, initial_alphabet=alphabet, end_of_word_suffix="</w>")
    tokenizer.train_from_iterator(TEXTS[:10], trainer)
    # The marks have the highest ids, as in the real ones.
    whole = json.loads(tokenizer.to_str())
    for name in special:
        whole["model"]["vocab"][name] = len(whole["model"]["vocab"])
    tokenizer = Tokenizer.from_str(json.dumps(whole))
    tokenizer.add_special_tokens(special)
    start, end = (tokenizer.token_to_id(name) for name in special)
    tokenizer.post_processor = processors.RobertaProcessing((special[1], end), (special[0], start), False, False)
    return tokenizer, end


def pixels(picture, side):
    """As transformers' processor for CLIP does it: Pillow's bicubic, the centre, the colours."""
    short = min(picture.size)
    if short != side:
        picture = picture.resize([side * length // short for length in picture.size], Image.Resampling.BICUBIC)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    values = np.asarray(picture.crop((left, top, left + side, top + side)), dtype=np.float32) / 255
    mean, std = np.float32([0.48145466, 0.4578275, 0.40821073]), np.float32([0.26862954, 0.26130258, 0.27577711])
    return torch.from_numpy((values - mean) / std).permute(2, 0, 1)


def clip():
    folder, side, n_out = fresh("clip"), 32, 8
    tokenizer, end = clip_tokenizer()
    sizes = dict(hidden_size=HIDDEN, intermediate_size=WIDE, num_hidden_layers=LAYERS, num_attention_heads=HEADS, projection_dim=n_out)
    text = dict(sizes, vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=24, eos_token_id=end, bos_token_id=end - 1)
    vision = dict(sizes, image_size=side, patch_size=8)
    model = shaken(CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=n_out)))
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    preprocess = {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}, "resample": 3, "image_mean": mean, "image_std": std}
    write_json(folder / "preprocessor_config.json", preprocess)

    lengths = torch.tensor([len(tokenizer.encode(one).ids) for one in TEXTS])
    tokenizer.enable_truncation(24)
    soft = lambda width, height: np.asarray(  # noqa: E731
        Image.fromarray(np.random.default_rng(width).integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    )
    squares, oblongs = [soft(side, side), soft(side, side)[::-1]], [soft(75, 60), soft(75, 60)[:, ::-1]]
    with torch.no_grad():
        tokens = [torch.tensor([tokenizer.encode(one).ids]) for one in TEXTS]
        texts = torch.cat([pooled(model.get_text_features(input_ids=ids)) for ids in tokens])
        vectors = [
            pooled(model.get_image_features(pixel_values=torch.stack([pixels(Image.fromarray(one), side) for one in some])))
            for some in (squares, oblongs)
        ]
    as_bytes = lambda some: torch.from_numpy(np.stack(some)).permute(0, 3, 1, 2).contiguous()  # noqa: E731
    found = {
        "texts": texts, "lengths": lengths, "squares": as_bytes(squares), "oblongs": as_bytes(oblongs),
        "square_vectors": vectors[0], "oblong_vectors": vectors[1],
    }
    print("clip", {name: tuple(tensor.shape) for name, tensor in found.items()}, "tokens", [ids.shape[1] for ids in tokens])
    save_file({name: tensor.contiguous() for name, tensor in found.items()}, folder / "expected.safetensors")


def pooled(output):
    """Newer versions of transformers give more than the vectors."""
    return output if isinstance(output, torch.Tensor) else output.pooler_output


def main():
    torch.manual_seed(5)
    write_json(HERE / "texts.json", TEXTS)
    sizes = dict(hidden_size=HIDDEN, intermediate_size=WIDE, num_hidden_layers=LAYERS, num_attention_heads=HEADS)
    tokenizer, special = wordpiece()
    bert = shaken(BertModel(BertConfig(**sizes, vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=40)))
    sentence_model("bge", bert, tokenizer, special, {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False})

    tokenizer, special = unigram()
    ids = dict(pad_token_id=1, bos_token_id=0, eos_token_id=2)
    config = XLMRobertaConfig(**sizes, vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=40, type_vocab_size=1, **ids)
    mean, query = {"pooling_mode_mean_tokens": True}, {"query": "query: ", "passage": "passage: "}
    sentence_model("e5", shaken(XLMRobertaModel(config)), tokenizer, special, mean, query)
    both = {"pooling_mode": ["cls", "mean"], "include_prompt": False}
    told = {"instruction": "instruction: "}
    sentence_model("prompted", shaken(XLMRobertaModel(config)), tokenizer, special, both, told, (2 * HIDDEN, 12))
    clip()


if __name__ == "__main__":
    main()
