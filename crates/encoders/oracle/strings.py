"""10,000 strings for the tokenizers, and 200 captions in each of three languages for the forward passes, drawn without chance.

From the emoji captions that the sample data set uses (npm packages emojibase-data 17.0.0, emojilib 4.0.3 and
cldr-annotations-full 48.2.0, unpacked under one folder by their `NAME-VERSION`), phrases as people talk, and strings
meant to hurt: emoji sequences, mixed scripts, typos, widths, combining marks, controls and spaces.
"""

import json
import random

PHRASES = {
    "en": """soft and glossy with gentle shading|smooth little candy shine on everything|like a polished button
flat like a sticker, no outline|cut out of colored paper|no shading at all, just solid shapes|as flat as a road sign
comic with thick black outlines|drawn with a fat black pen then filled with color|doodle with black contour
just thin lines like a coloring book|pen doodle, nothing filled in|simple contour drawing with empty inside
black and white stamp|woodcut print look|high contrast, only black on white|like a shadow puppet
like a squishy clay toy|plasticine figure you could pick up|chunky and round, pixar-like, real volume""",
    "zh": """带点光泽，柔柔的阴影|像果冻一样亮晶晶的|渐变色，软软糯糯的|水灵灵的，有点鼓鼓的|扁平的小贴纸|像彩纸剪出来的
没有阴影，干干净净|像路牌那样平平的|粗黑线描边的漫画|像马克笔勾线再上色|先用黑笔描好再涂颜色|只有线条的简笔画
填色本里还没上色的那种|空心的轮廓|圆珠笔画的线|黑白印章|像木刻版画|只有黑和白，对比很强|像皮影戏|像软软的黏土玩具
橡皮泥捏出来的|胖乎乎的立体感|充气气球一样|像小时候的简笔画|能拿起来的那种小手办""",
    "yue": """扁扁平平嘅貼紙|好似黐土公仔咁得意|淨係得線條，冇上色|成嚿黑色，好似印章咁|粗粗黑邊嘅漫畫|好似啫喱咁立立令|啲顏色好柔和，陰影靚
好似細路仔填色簿咁|胖嘟嘟好立體，想揸落去|乜嘢陰影都冇，淨色一嚿嚿|好似路牌咁平|用馬克筆勾邊再填色嗰隻|唔好太花巧，簡簡單單就得|睇落好似膠公仔""",
}
HARD = """| |  |\t|\n|a|A| a|a |  a  b  |<s>|</s>|<unk>|<s> cat </s>|<pad>|[CLS]|[SEP] cat|[UNK]|[MASK]|##ing|\u2581|a\u2581b|\u2581\u2581
e\u0301|cafe\u0301|\u00e9|A\u030a|n\u0303o|x\u0301|o\u0302\u0301|\u304b\u3099|\u1112\u1161\u11ab|\ud55c|\ufb01sh|\u2460\u2461|\u33a1|\u00bd cup|x\u00b2|\u2122|\u00a9\ufe0f|\u00ae\ufe0f
ＦＵＬＬ　ｗｉｄｔｈ|！？，。|…|⋯⋯|——|“引号”|‘a’|「粵語」|『』|·|、|ｶﾞ|ﾊﾟ|Ⅳ|ⅳ|㈱|℃|ﷺ|ﬀ|ß|İstanbul|ŁÓDŹ|ñandú|Ελληνικά|Привет|שלום|مرحبا|हिन्दी|ไทย|Tiếng Việt
1️⃣|#️⃣|*️⃣|0️⃣9️⃣|👍🏽|👨‍👩‍👧‍👦|🏳️‍🌈|🏴‍☠️|🇭🇰|🇨🇳🇭🇰|❤️‍🔥|🧑🏿‍🚀|🫠🫠|🫨|🪿🫏|😀😃😄|☺︎|☺️|🐶的🐱|dog🐶狗|🥹!🥹|🪄✨
\u200b|a\u200bb|a\u200db|a\u00adb|\ufeffbom|a\u00a0b|a\u3000b|a\u2028b|a\x00b|\x01|\x01 a|a\x7fb|\x85|a\x0bb|a\r\nb|\u202eabc|a\ufffdb|\ue000|\U00020000|\U0002a700𠮷|㗎|𡃁|冚唪唥|嘅咗啲冇嘢|係咪𠝹
http://example.org/a?b=c&d=1|user@example.org|C++|a_b_c|snake_case_word|CamelCaseWord|12345678901234567890|3.14159|1,000,000|50%|$5.00|€9|#hashtag|@name|:-)|¯\\_(ツ)_/¯|^_^|<3|a/b\\c|"quoted"|it's|don't|rock'n'roll
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊|哈哈哈哈哈哈|呵呵呵|thecatsatonthemat|ＡＢＣabc１２３|日本語のテキスト|カタカナ|한국어 텍스트"""


def split(text):
    return [part for line in text.split("\n") for part in line.split("|")]


def hard():
    parts = HARD.replace("\n|", "\x02|").split("\n")
    return [part.replace("\x02", "\n") for line in parts for part in line.split("|")]


def subjects(packages):
    """Names and tags of emoji: language -> list of (emoji, text)."""
    found = {"en": [], "zh": [], "zh-hant": [], "yue": [], "hk": []}
    for lang in ("en", "zh", "zh-hant"):
        table = json.loads((packages / f"emojibase-data-17.0.0/package/{lang}/data.json").read_text(encoding="utf-8"))
        for row in table:
            found[lang] += [(row["emoji"], text) for text in [row["label"], ", ".join(row.get("tags", []))]]
    emojilib = json.loads((packages / "emojilib-4.0.3/package/dist/emoji-en-US.json").read_text(encoding="utf-8"))
    found["en"] += [(emoji, " ".join(words)) for emoji, words in emojilib.items()]
    for lang, folder in (("yue", "yue"), ("hk", "zh-Hant-HK")):
        path = packages / f"cldr-annotations-full-48.2.0/package/annotations/{folder}/annotations.json"
        table = json.loads(path.read_text(encoding="utf-8"))["annotations"]["annotations"]
        for emoji, row in table.items():
            found[lang] += [(emoji, text) for text in [*row.get("tts", []), "，".join(row.get("default", []))]]
    return {lang: sorted(set(rows)) for lang, rows in found.items()}


def typo(text, chance):
    """Swaps, drops, doubles or changes the case of one or two characters."""
    letters = list(text)
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(max(1, len(letters) - 1))
        kind = chance.choice(["swap", "drop", "double", "case", "space"])
        if kind == "swap" and at + 1 < len(letters):
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        elif kind == "drop" and letters:
            del letters[at]
        elif kind == "double" and letters:
            letters.insert(at, letters[at])
        elif kind == "case" and letters:
            letters[at] = letters[at].swapcase()
        else:
            letters.insert(at, " ")
    return "".join(letters)


def strings(packages, count=10_000):
    """Distinct strings, the hard ones first."""
    chance = random.Random(20260)
    words = subjects(packages)
    said = {lang: split(text) for lang, text in PHRASES.items()}
    said.update({"zh-hant": said["yue"], "hk": said["yue"]})
    found = dict.fromkeys([*hard(), *(text for lang in ("en", "zh", "yue") for text in said[lang])])
    langs = list(words)
    while len(found) < count:
        lang, other = chance.choice(langs), chance.choice(langs)
        (emoji, text), (other_emoji, other_text) = chance.choice(words[lang]), chance.choice(words[other])
        phrase = chance.choice(said[lang])
        kind = chance.randrange(8)
        if kind < 2:
            found[text] = None
        elif kind == 2:
            found[f"{text}, {phrase}" if lang == "en" else f"{phrase}，{text}"] = None
        elif kind == 3:
            found[f"{emoji}{other_emoji}" if chance.random() < 0.5 else f"{emoji} {text}{other_emoji}"] = None
        elif kind == 4:
            found[f"{text} {other_text}"] = None
        elif kind == 5:
            found[typo(text, chance)] = None
        elif kind == 6:
            found[typo(f"{text} {phrase}", chance)] = None
        else:
            found[chance.choice([text.upper(), text.title(), f"  {text}  ", text.replace(" ", "\u3000")])] = None
    return list(found)


def captions(packages, count=200):
    """So many captions in each of English, Chinese and Cantonese; half of them composed with a phrase."""
    chance = random.Random(7)
    words = subjects(packages)
    found = []
    for lang in ("en", "zh", "yue"):
        said = split(PHRASES[lang])
        texts = sorted({text for _, text in words[lang] if text})
        for index, text in enumerate(chance.sample(texts, count)):
            phrase = chance.choice(said)
            composed = f"{text}, {phrase}" if lang == "en" else f"{phrase}嘅{text}" if lang == "yue" else f"{phrase}{text}"
            found.append({"lang": lang, "text": composed if index % 2 else text})
    return found
