"""The shapes of coroutines that GCC 12 miscompiles (docs/gcc12.md): none may be in our code, nor in what we show."""
import re
import unittest

import cpp

AWAIT_FIRST = "await first, then test: co_await inside the parentheses of if, while, switch or for"
OPERAND = "no co_await in an operand of &&, || or ?:"
BRACES = "no co_await in a braced initializer list"
TERNARY = "no ?: that makes an object inside of a co_awaited call"
CAPTURE = "name a lambda that captures by value before it goes into a co_awaited call"

OPEN, CLOSE = "([{", ")]}"


def closing(text, position):
    """The position of the bracket that closes the one at `position`."""
    depth = 0
    for index in range(position, len(text)):
        depth += (text[index] in OPEN) - (text[index] in CLOSE)
        if depth == 0:
            return index
    return len(text)


def outwards(text, position, step):
    """The characters beside `position` to one side (with their positions), of its own bracket and those around it:
    what is inside of other brackets, or belongs to another element of a list, is left out."""
    inner, outer = (OPEN, CLOSE) if step > 0 else (CLOSE, OPEN)
    depth = 0
    other_element = False
    while 0 <= position < len(text):
        character = text[position]
        if character in inner:
            depth += 1
        elif character in outer and depth > 0:
            depth -= 1
            if character == "{" and depth == 0 and not other_element:
                yield position, "{}"
        elif depth == 0:
            if character in outer:
                other_element = False
            elif character == ",":
                other_element = True
            if not other_element or character == ";":
                yield position, character
        position += step


def is_operand(text, position):
    """Whether the co_await at `position` is in an operand of &&, || or ?: of its own full expression."""
    for step, start in ((1, position + len("co_await")), (-1, position - 1)):
        for index, character in outwards(text, start, step):
            if character == ";" or (step > 0 and character == "}") or (step < 0 and character in ("{", "{}")):
                break
            if step < 0 and character == "=" and text[index - 1] not in "=!<>" and text[index + 1] != "=":
                break
            if character == "?" or text[index : index + 2] in ("&&", "||"):
                return True
    return False


def is_in_braces(text, position):
    """A block that holds a co_await has a semicolon after it; a braced initializer list has none."""
    for _, character in outwards(text, position, 1):
        if character in ";}":
            return character == "}"
    return False


def owning_lambdas(text, position):
    """Positions of lambdas that capture by value in the expression awaited at `position`."""
    depth = 0
    while position < len(text):
        character = text[position]
        if character == "[" and re.search(r"([(,{=?:&|]|\breturn|\bco_await)\s*$", text[:position][-80:]):
            end = closing(text, position)
            captures = [capture.strip() for capture in text[position + 1 : end].split(",")]
            if any(capture and capture[0] != "&" and capture != "this" for capture in captures):
                yield position
            body = text.find("{", end)
            position = closing(text, body) if body >= 0 else len(text)
            character = ""
        if character and character in OPEN:
            depth += 1
        elif character and character in CLOSE:
            depth -= 1
        if depth < 0 or (depth == 0 and character == ";"):
            return
        position += 1


def making_ternaries(text, position):
    """Positions of the ?: in the expression awaited at `position` one of whose results is a call or has braces."""
    depth = 0
    ternary = None  # its position and depth
    while position < len(text) and depth >= 0:
        character = text[position]
        if ternary and character in "({":
            yield ternary[0]
            ternary = None
        if character == "{":
            position = closing(text, position)
        elif character in OPEN:
            depth += 1
        elif character in CLOSE:
            depth -= 1
        elif character == "?" and depth > 0:
            ternary = position, depth
        elif character == ";" and depth == 0:
            return
        if ternary and (depth < ternary[1] or (depth == ternary[1] and character == ",")):
            ternary = None
        position += 1


def traps(source):
    """Pairs (line, rule), one for each shape that GCC 12 miscompiles."""
    text = cpp.without_comments_and_literals(source)
    text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*", lambda line: re.sub(".", " ", line.group()), text, flags=re.MULTILINE)
    found = set()
    heads = []
    for match in re.finditer(r"\b(if|while|switch|for)\s*(?:constexpr\s*)?\(", text):
        heads.append(range(match.end(), closing(text, match.end() - 1)))
    for match in re.finditer(r"(?<!operator )\bco_await\b", text):
        position = match.start()
        if any(position in head for head in heads):
            found.add((position, AWAIT_FIRST))
        elif is_in_braces(text, position):
            found.add((position, BRACES))
        if is_operand(text, position):
            found.add((position, OPERAND))
        found.update((ternary_at, TERNARY) for ternary_at in making_ternaries(text, match.end()))
        found.update((lambda_at, CAPTURE) for lambda_at in owning_lambdas(text, match.end()))
    return [(cpp.line_of(text, position), rule) for position, rule in sorted(found)]


def code_of_page(text):
    """The ```cpp blocks of a Markdown page, on the lines where they are. A block that shows what is wrong is marked
    ```cpp wrong."""
    inside = False
    lines = []
    for line in text.split("\n"):
        fence = line.strip().startswith("```")
        lines.append(line if inside and not fence else "")
        if fence:
            inside = not inside and line.strip() == "```cpp"
    return "\n".join(lines)


class Gcc12(unittest.TestCase):
    longMessage = False

    def check(self, shapes):
        for rule, sample in shapes:
            with self.subTest(sample=sample):
                self.assertEqual({found for _, found in traps("task<> f()\n{\n" + sample + "\n}\n")}, rule)

    def test_no_shape_that_gcc_12_miscompiles_is_in_our_code(self):
        faults = []
        sources = [(path, path.read_text()) for path in cpp.files("include", "src", "apps", "test")]
        pages = [*cpp.ROOT.glob("*.md"), *cpp.ROOT.glob("docs/**/*.md")]
        for path, text in sources + [(page, code_of_page(page.read_text())) for page in pages]:
            faults += [f"{cpp.name(path)}:{line}: {rule}" for line, rule in traps(text)]
        self.assertTrue(sources)
        self.assertFalse(faults, "\n" + "\n".join(faults))

    def test_every_shape_is_found(self):
        self.check((
            ({AWAIT_FIRST}, "if (co_await read()) co_return;"),
            ({AWAIT_FIRST}, "if (auto line = co_await read(); line) co_return;"),
            ({AWAIT_FIRST}, "while (co_await\n  read()) { use(1); }"),
            ({AWAIT_FIRST}, "switch (co_await read()) { case 1: break; }"),
            ({AWAIT_FIRST}, "for (auto x : co_await read()) use(x);"),
            ({OPERAND}, "auto x = ready ? 1 : co_await read();"),
            ({OPERAND}, "auto x = f(ready ? co_await read() : 2, 3);"),
            ({OPERAND}, "auto x = ready && (co_await read()).ok;"),
            ({OPERAND}, "bool x = co_await read() || other;"),
            ({OPERAND}, "co_return f(co_await read()) && other;"),
            ({BRACES}, "auto x = pair{1, co_await read()};"),
            ({BRACES}, "use({f(co_await read())});"),
            ({BRACES}, "std::vector<int> x{co_await read()};"),
            ({TERNARY}, 'co_await read(known ? std::string("name") : none);'),
            ({TERNARY}, "auto x = co_await read(known ? none : name(1));"),
            ({TERNARY}, "co_return co_await f(g(known ? name{} : none), 1);"),
            ({CAPTURE}, "co_await scope([name](task_group& group) -> task<> { co_await run(group); });"),
            ({CAPTURE}, "co_await run(1, [&, name = std::move(name)] { use(name); });"),
            ({CAPTURE}, "auto x = co_await f(g([=] { return name; }));"),
        ))

    def test_the_cures_and_other_code_are_not_mistaken_for_them(self):
        self.check((set(), sample) for sample in (
            "auto x = co_await read();\nif (x && x->ok) co_return;",
            "if (a && b) co_await read();",
            "if (a && b) { use(1); }\nco_await read();",
            "auto&& x = co_await read();",
            "#if A && B\nco_await read();\n#endif",
            "auto x = co_await read(a && b);",
            "auto x = co_await read(a ? 1 : 2);",
            "auto x = co_await read(a ? b : c - 2, f(3));",
            "auto y = a ? f(1) : g(2);\nauto x = co_await read(y);",
            "co_await scope([&](task_group& group) -> task<> { auto y = a ? f(1) : g(2); co_await run(group); });",
            "use(a && b, co_await read());",
            "auto operator co_await() && noexcept { return awaiter{}; }",
            "// if (co_await x)\nuse(\"if (co_await x)\", 'c', 1'000);",
            "co_await scope([&](task_group& group) -> task<> { co_await run(group); });",
            "co_await run([this] { use(1); });",
            "auto body = [name] { return name; };\nco_await run(std::move(body));",
            "co_await run(table[name], [](int x) -> task<> { auto f = [x] { return x; }; co_return; });",
            "for (;;) { auto x = co_await read(); if (x) break; }",
            "try { co_await read(); } catch (const error&) {}",
        ))

    def test_a_page_is_read_on_its_own_lines(self):
        page = "text\n```cpp\nif (co_await x) y();\n```\n```cpp wrong\nif (co_await x) y();\n```\n"
        self.assertEqual(traps(code_of_page(page)), [(3, AWAIT_FIRST)])


if __name__ == "__main__":
    unittest.main()
