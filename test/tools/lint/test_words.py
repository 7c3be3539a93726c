# SPDX-License-Identifier: Apache-2.0
"""Each rule of words.py, by a text that breaks it and one that keeps it."""

import pathlib
import unittest

import markdown
import texts
import words

GLOSSARY = (words.ROOT / words.GLOSSARY).read_text()
RULES = words.rules_of(GLOSSARY)


def problems(read, content):
    return words.problems_of("file", read(content), RULES, set())


class Glossary(unittest.TestCase):
    def test_states_rules_in_its_column_not(self):
        table = (
            "| term | meaning | not |\n| --- | --- | --- |\n| consumer | uses `x` | `holder`, `sharer` |\n\n`a` | `b`\n"
        )
        self.assertEqual(
            [(rule.phrase, rule.right) for rule in words.rules_of(table)],
            [("holder", "consumer"), ("sharer", "consumer")],
        )

    def test_each_phrase_is_found_in_prose_in_messages_and_in_descriptions(self):
        self.assertGreater(len(RULES), 20)
        for rule in RULES:
            with self.subTest(rule.phrase):
                sentence = f"then one {rule.phrase} thing"
                for read, content in (
                    (texts.markdown, f"{sentence}\n"),
                    (texts.cpp_literals, f'f("{sentence}");'),
                    (texts.crd_descriptions, f"description: {sentence}"),
                    (texts.yaml_comments, f"# -- {sentence}"),
                ):
                    found = problems(read, content)
                    self.assertEqual(len(found), 1, found)
                    self.assertIn(f'"{rule.phrase}": write {rule.right}', found[0])

    def test_no_right_word_is_itself_replaced(self):
        for rule in RULES:
            with self.subTest(rule.right):
                self.assertEqual(problems(texts.markdown, f"The text has {rule.right} here."), [])

    def test_the_longest_phrase_of_a_place_is_reported_alone(self):
        self.assertEqual(
            problems(texts.markdown, "The director namespace is there."),
            ['file:1: "director namespace": write balancer namespace'],
        )

    def test_plain_english_with_the_same_words_is_fine(self):
        for sentence in (
            "There is no Pool.",
            "The Lease is no longer held.",
            "There are no nodes.",
            "The mode is None.",
            "A redirector and a shareholder.",
            "The value `director` of a flag.",
            "Use --placement=director here.",
            'The name "director" is quoted.',
            "[Link](docs/director.md) to a page.",
        ):
            with self.subTest(sentence):
                self.assertEqual(problems(texts.markdown, sentence), [])
        for sentence in ("It is no Pool.", "They are no nodes.", "Shall it go?"):
            with self.subTest(sentence):
                self.assertEqual(len(problems(texts.markdown, sentence)), 1)

    def test_comments_may_name_the_types_of_the_code_and_nothing_else(self):
        self.assertEqual(problems(texts.cpp_comments, "/// The holder of it."), [])
        self.assertEqual(len(problems(texts.cpp_comments, "/// It is made anew.")), 1)

    def test_an_exception_holds_for_its_file_alone(self):
        used: set[tuple[str, str]] = set()
        name, phrase = next(iter(words.EXCEPTIONS))
        found = [texts.Text(1, "prose", f"one {phrase} more")]
        self.assertEqual(words.problems_of(name, found, RULES, used), [])
        self.assertEqual(used, {(name, phrase)})
        self.assertEqual(len(words.problems_of("other.md", found, RULES, used)), 1)


class Reading(unittest.TestCase):
    """What is a text, and what is code."""

    def of(self, read, content):
        return [(text.line, text.kind, text.words) for text in read(content)]

    def test_markdown_without_its_code(self):
        page = "A b.\n\n    code anew\n\n```\nanew\n```\n\n- item `anew`\n\n    more of it\n\n| cell |\n"
        self.assertEqual(
            self.of(texts.markdown, page),
            [
                (1, "prose", "A b."),
                (9, "prose", "- item \N{BULLET}"),
                (11, "prose", "    more of it"),
                (13, "cell", "| cell |"),
            ],
        )

    def test_literals_of_cpp_with_what_is_joined_to_them(self):
        code = (
            'f(c == \'"\', "one two "\n  "three", "x y", "Pool " + name(a) + " has no " + b + " address"); // "a b"\n'
        )
        self.assertEqual(
            self.of(texts.cpp_literals, code),
            [(1, "message", "one two three"), (2, "message", "Pool \N{BULLET} has no \N{BULLET} address")],
        )

    def test_raw_literals_and_escapes_of_cpp(self):
        self.assertEqual(
            self.of(texts.cpp_literals, r'a = R"(one "two" three)"; b = "four \"five\" six seven";'),
            [(1, "message", "one \N{BULLET} three"), (1, "message", "four \N{BULLET} six seven")],
        )

    def test_alternatives_of_cpp_are_two_texts(self):
        self.assertEqual(len(texts.cpp_literals('f("this is it" + (x ? "one two three" : "four five six"));')), 3)

    def test_comments_of_headers(self):
        self.assertEqual(
            self.of(texts.cpp_comments, 'int a = 1;  ///< one\n/* two\n   three */\nconst char* b = "// no";\n'),
            [(1, "comment", " one"), (2, "comment", " two"), (3, "comment", "   three")],
        )

    def test_descriptions_of_a_crd(self):
        crd = "a:\n  description: one line\n  c: d\nb:\n  description: >-\n    two\n    lines\n  c: {message: three}\n"
        self.assertEqual(
            [words for _, _, words in self.of(texts.crd_descriptions, crd)], ["one line", "two", "lines", "three}"]
        )

    def test_sentences_of_a_chart(self):
        self.assertEqual(
            self.of(texts.template_texts, '{{ fail "write a number here" }}\n{{ include "barevip.name" . }}\n'),
            [(1, "message", "write a number here")],
        )
        self.assertEqual(
            [words for _, _, words in self.of(texts.notes, "Run {{ .Values.x }} now\n")], ["Run \N{BULLET} now"]
        )


class Form(unittest.TestCase):
    def test_a_clause_has_at_most_twenty_words(self):
        for count, expected in ((20, 0), (21, 1)):
            with self.subTest(count):
                self.assertEqual(
                    len(problems(texts.cpp_literals, f'f("{" ".join(["word"] * count)}, and a remedy");')), expected
                )

    def test_a_value_in_a_message_counts_as_one_word(self):
        clause = " ".join(["word"] * 10)
        self.assertEqual(problems(texts.cpp_literals, f'f("{clause} " + a(b, c) + " {clause[5:]}");'), [])
        self.assertEqual(len(problems(texts.cpp_literals, f'f("{clause} " + a(b, c) + " {clause}");')), 1)

    def test_a_message_has_at_most_two_sentences(self):
        self.assertEqual(problems(texts.cpp_literals, 'f("One is here. Two is there.");'), [])
        self.assertEqual(len(problems(texts.cpp_literals, 'f("One is here. Two is there. Three is too many.");')), 1)

    def test_a_log_line_begins_in_lower_case_or_with_a_name(self):
        for line in ("waiting for it", "IPVS has no table", "Lease was deleted", "Pools are full"):
            with self.subTest(line):
                self.assertEqual(problems(texts.cpp_literals, f'log::warn(\n    "{line}", {{}});'), [])
        for line in ("Leading", "Waiting for it"):
            with self.subTest(line):
                self.assertEqual(len(problems(texts.cpp_literals, f'log::warn("{line}");')), 1)
        self.assertEqual(problems(texts.cpp_literals, 'print("Waiting for it");'), [], "a help text is not a log line")

    def test_a_log_line_ends_without_a_full_stop(self):
        self.assertEqual(problems(texts.cpp_literals, 'log::info("it ended; see the log");'), [])
        self.assertEqual(len(problems(texts.cpp_literals, 'log::info("it ended.");')), 1)


class Pages(unittest.TestCase):
    """markdown.reflowed."""

    def test_one_sentence_a_line(self):
        self.assertEqual(
            markdown.reflowed("One is\nhere. barevip is. Two (`a. B`) is. [Three. X](a. B) is!\n"),
            "One is here.\nbarevip is.\nTwo (`a. B`) is.\n[Three. X](a. B) is!\n",
        )

    def test_lists_keep_their_indentation(self):
        self.assertEqual(
            markdown.reflowed("1. One. Two.\n   - Three. Four.\n2. Five\n"),
            "1. One.\n   Two.\n   - Three.\n     Four.\n2. Five\n",
        )

    def test_what_is_not_a_paragraph_stays(self):
        for page in (
            "# A. B\n",
            "| a. B | c |\n",
            "```\nA. B. C\n```\n",
            "    A. B\n",
            "> A. B\n",
            "<b>A. B</b>\n",
            "A\\\nb\n",
            "e.g. This, i.e. That\n",
            "- **Head.** Text\n",
            "Kernel 6.1 has 2. 5 are\n",
        ):
            with self.subTest(page):
                self.assertEqual(markdown.reflowed(page), page)

    def test_a_long_sentence_breaks_at_a_pause(self):
        page = markdown.reflowed("word " * 30 + "end, " + "more " * 30 + "end.\n")
        self.assertEqual(page, "word " * 30 + "end,\n" + "more " * 30 + "end.\n")
        self.assertLessEqual(max(map(len, page.split("\n"))), markdown.WIDTH)

    def test_only_white_space_changes_and_a_second_time_nothing(self):
        for file in sorted(pathlib.Path(words.ROOT, "docs").rglob("*.md")):
            with self.subTest(file.name):
                joined = file.read_text().replace(".\n", ". ").replace(". #", ".\n#")
                once = markdown.reflowed(joined)
                self.assertEqual(once.split(), joined.split())
                self.assertEqual(markdown.reflowed(once), once)

    def test_a_page_in_another_form_is_reported_with_its_line(self):
        self.assertEqual(words.page_problem("a.md", "One.\n\nTwo. Three.\n")[0].split(": ")[0], "a.md:3")
        self.assertEqual(words.page_problem("a.md", "One.\n\nTwo.\nThree.\n"), [])


if __name__ == "__main__":
    unittest.main()
