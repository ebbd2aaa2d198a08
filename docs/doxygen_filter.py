"""What Doxygen 1.9.4 is shown in place of a header or a page (INPUT_FILTER): the same, line for line, without what it
misreads."""
import pathlib
import re
import sys


def code(match):
    """Code in a comment is no command and no tag."""
    return re.sub(r"([@\\<>])", r"\\\1", match[1]) if re.search(r"[@\\<]", match[1]) else match[0]


def header(text):
    """Without the version namespace, which nobody writes; without friends, which it takes for members; without what is
    specialised for Asio; without a link to what there is not."""
    text = re.sub(r"^namespace portico::inline v\w+", "namespace portico", text, flags=re.MULTILINE)
    text = text.replace("task<>", "task<void>")  # of which it drops the brackets
    text = re.sub(r"^ +friend [\w:]+( \w+)?;", "", text, flags=re.MULTILINE)
    text = re.sub(r"(?<=[ (])::ffff", r"\\::ffff", text)
    text = re.sub(r"^template <[^\n]*>\nstruct asio::.*?^};", lambda part: "\n" * part[0].count("\n"), text,
                  flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`([^`\n]*)`", code, text)


def anchor(heading):
    """What GitHub and others make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def page(text, name):
    """With an anchor at every heading, and links to them; of links to what is no page, only the text."""
    def link(match):
        words, page_of_it, heading = match.groups()
        if heading:
            return f"[{words}](#{pathlib.Path(page_of_it or name).stem}-{heading})"
        return match[0] if page_of_it.endswith(".md") else words

    lines = []
    in_code = False
    for line in text.split("\n"):
        if line.startswith("```"):
            in_code = not in_code
            line = line.partition(" ")[0]
        elif not in_code:
            if match := re.match(r"##+ (.*)", line):
                line += f" {{#{pathlib.Path(name).stem}-{anchor(match[1])}}}"
            line = re.sub(r"\[([^\]]*)\]\((?!\w+:)([^)#]*)#?([^)]*)\)", link, line)
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1])
    sys.stdout.write(page(path.read_text(), path.name) if path.suffix == ".md" else header(path.read_text()))
