"""HTML that is shown: balanced tags, no script, nothing loaded."""

from html.parser import HTMLParser

VOID = {"meta", "br", "img", "link", "input"}


class Reader(HTMLParser):
    """Tags in balance; which there are, and the text between them."""

    def __init__(self, html):
        super().__init__()
        self.stack, self.tags, self.text = [], [], ""
        self.feed(html)
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.text += data


def no_script(html):
    read = Reader(html)
    for tag, attrs in read.tags:
        assert tag not in ("script", "iframe", "object", "link", "img")
        assert not any(
            key.startswith("on") or "javascript:" in (value or "") for key, value in attrs.items()
        )
        assert not any(key in ("src", "href") for key in attrs)
    return read.text
