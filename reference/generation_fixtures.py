"""Write fixtures/generation.json: what `generate` of transformers writes after prompts of different lengths, for the tiny GPT-2 of
gpt2_fixtures.py. usage: python generation_fixtures.py"""
import torch
from transformers import GPT2LMHeadModel
from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from make_fixtures import FIXTURES, write_json

# Tokens of the random model that some texts meet early and others never.
ENDS = (58, 113)
SETTINGS = [
    {"maxNewTokens": 12},
    {"maxNewTokens": 20, "noRepeatNgramSize": 2},
    {"maxNewTokens": 12, "numBeams": 4},
    {"maxNewTokens": 16, "numBeams": 4, "lengthPenalty": 0.5},
    {"maxNewTokens": 16, "numBeams": 4, "lengthPenalty": 2.0, "noRepeatNgramSize": 3},
    {"maxNewTokens": 16, "numBeams": 4, "lengthPenalty": -1.0, "noRepeatNgramSize": 2},
    {"maxNewTokens": 16, "numBeams": 4, "earlyStopping": True, "noRepeatNgramSize": 4},
    {"maxNewTokens": 16, "numBeams": 4, "earlyStopping": "never", "lengthPenalty": 0.9},
    {"maxNewTokens": 20, "numBeams": 10, "lengthPenalty": 0.9, "noRepeatNgramSize": 4},
    {"maxNewTokens": 20, "numBeams": 10, "earlyStopping": True, "lengthPenalty": 1.5, "noRepeatNgramSize": 2},
]
SAMPLING = [
    {"temperature": 1.0, "topK": 0, "topP": 1.0},
    {"temperature": 0.7, "topK": 5, "topP": 1.0},
    {"temperature": 1.3, "topK": 0, "topP": 0.8},
    {"temperature": 0.9, "topK": 20, "topP": 0.5},
]


def after(output, length, end):
    """The tokens after the prompt, up to the first end-of-text."""
    tokens = output[length:].tolist()
    return tokens[: tokens.index(end) + 1] if end in tokens else tokens


def texts(model, prompts, settings, end):
    longest = max(map(len, prompts))
    ids = torch.tensor([[end] * (longest - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    output = model.generate(
        ids, attention_mask=mask, pad_token_id=end, eos_token_id=end, max_new_tokens=settings["maxNewTokens"],
        num_beams=settings.get("numBeams", 1), length_penalty=settings.get("lengthPenalty", 1.0),
        no_repeat_ngram_size=settings.get("noRepeatNgramSize", 0), early_stopping=settings.get("earlyStopping", False), do_sample=False)
    return [after(row, longest, end) for row in output]


def main():
    model = GPT2LMHeadModel.from_pretrained(FIXTURES / "models" / "gpt2-tiny", dtype=torch.float64).eval()
    generator = torch.Generator().manual_seed(5)
    prompts = [torch.randint(1, model.config.vocab_size, (n,), generator=generator).tolist() for n in (9, 4, 1, 6)]
    cases = [{"eosTokenId": end, "settings": s, "tokens": texts(model, prompts, s, end)} for end in ENDS for s in SETTINGS]
    ids = torch.tensor(prompts[:1])
    with torch.no_grad():
        scores = model(ids).logits[:, -1].float()
    sampling = []
    for s in SAMPLING:
        warped = TemperatureLogitsWarper(s["temperature"])(ids, scores)
        if s["topK"]:
            warped = TopKLogitsWarper(s["topK"])(ids, warped)
        if s["topP"] < 1:
            warped = TopPLogitsWarper(s["topP"])(ids, warped)
        sampling.append({"settings": s, "probabilities": warped.softmax(-1)[0].tolist()})
    write_json(FIXTURES / "generation.json", {"checkpoint": "gpt2-tiny", "prompts": prompts, "cases": cases,
                                              "scores": scores[0].tolist(), "sampling": sampling})


if __name__ == "__main__":
    main()
