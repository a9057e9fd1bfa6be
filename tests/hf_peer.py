"""Run by an environment that has transformers and torch, never by ours: what they make of a model folder.

Reads a job from stdin: {"folder", "chats": [{"messages", "tools"}], "prompts": [[token]], "tokens": n, "answers"}.
Writes {"texts", "encoded", "answers"}: each chat rendered by the model's template and cut into tokens; and the tokens
that follow each prompt greedily, up to n or one that ends a message. With `answers`, one for each prompt, they are what
is best at each of the places of these, all places at once: the same, in a fraction of the time.
"""

import json
import sys


def main() -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    job = json.load(sys.stdin)
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(job["folder"])
    model = AutoModelForCausalLM.from_pretrained(job["folder"], dtype=torch.float32)
    texts = [
        tokenizer.apply_chat_template(
            chat["messages"], tools=chat["tools"] or None, tokenize=False, add_generation_prompt=True
        )
        for chat in job["chats"]
    ]
    encoded = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    answers = []
    with torch.inference_mode():
        for prompt in job["prompts"]:
            if job["answers"] is None:
                given = torch.tensor([prompt])
                mask = torch.ones_like(given)
                answer = model.generate(given, attention_mask=mask, do_sample=False, max_new_tokens=job["tokens"])
                answers.append(answer[0, len(prompt) :].tolist())
            else:
                answer = job["answers"][len(answers)]
                scores = model(torch.tensor([prompt + answer])).logits
                answers.append(scores[0, len(prompt) - 1 : -1].argmax(-1).tolist())
    json.dump({"texts": texts, "encoded": encoded, "answers": answers}, sys.stdout)


if __name__ == "__main__":
    main()
