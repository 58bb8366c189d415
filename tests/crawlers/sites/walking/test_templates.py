"""Which pages are of one template, and what is learned of it."""

from crawlers import markup
from crawlers.sites.walking.templates import MAX_TEMPLATES, PATIENCE, Template, Templates, has_script, marks

SHOP = '<script src="/app.js?v={n}"></script><div id="post-{n}"></div><div class="grid"></div><p>{text}</p>'


def test_scripts_that_add_nothing_are_none() -> None:
    """Data, templates, counters of visitors, and code that neither loads nor draws."""
    assert not has_script(markup.read('<script type="application/ld+json">{"@type": "createElement"}</script>'))
    assert not has_script(markup.read("<script>gtag('config', 'x'); var year = 2024</script>"))
    assert not has_script(markup.read('<script src="https://www.googletagmanager.com/gtag/js?id=1"></script>'))
    assert not has_script(markup.read('<script type="text/template"><img src="{{ fetch }}"></script>'))
    assert has_script(markup.read("<script>box.append(photo)</script>"))
    assert has_script(markup.read('<script type="module" src="app.js"></script>'))


def test_pages_with_the_same_scripts_and_empty_places_are_of_one_template() -> None:
    one, other = (markup.read(SHOP.format(n=n, text="cake " * n)) for n in (3, 70))
    assert marks(one, "https://a.example/a", 5) == marks(other, "https://a.example/b?x=1", 9)
    gallery = markup.read(SHOP.format(n=3, text="") + '<div id="photos"></div>')
    assert marks(one, "https://a.example/a", 5) != marks(gallery, "https://a.example/a", 5)
    assert marks(one, "https://a.example/a", 5) != marks(one, "https://a.example/a", 0)


def test_one_rendering_decides_and_what_all_pages_share_counts_once() -> None:
    quiet = Template(frozenset())
    quiet.learn(set())
    assert quiet.is_off()
    menu = Template(frozenset())
    for _ in range(PATIENCE + 1):
        menu.learn({"page /a", "page /b"})
    assert menu.is_off()
    gallery = Template(frozenset())
    for number in range(9):
        gallery.learn({"page /a", f"photo {number}"})
    assert not gallery.is_off()
    assert not gallery.is_undecided()


def test_a_growing_page_has_more_patience() -> None:
    growing = Template(frozenset())
    for _ in range(2):
        growing.learn(set(), patience=3)
        assert not growing.is_off()
    growing.learn(set(), patience=3)
    assert growing.is_off()


def test_templates_are_bounded() -> None:
    templates = Templates()
    for number in range(MAX_TEMPLATES * 3):
        templates.of(frozenset({"a", f"b{number}"}))
    assert len(templates.known) == MAX_TEMPLATES
    assert templates.of(frozenset({"a", "b1", "x"})) is templates.of(frozenset({"a", "b1"}))
