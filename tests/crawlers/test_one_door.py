"""Every road to a private address, in every notation, with Scrapy and photo APIs: its server sees no connection."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from crawling import crawled, html, jpeg, outcome_by_name, site, text
from third_party import ThirdParty

from crawlers.collect import collect
from dataset.opening import open_project
from foundation.environment import child_environment
from simulator.server import Answer, Scripted, Server

FORMS = (
    "127.0.0.1:{p}", "127.1:{p}", "0x7f.1:{p}", "0x7f000001:{p}", "2130706433:{p}", "017700000001:{p}",
    "127.0.0.1.:{p}", "localhost:{p}", "LOCALHOST.:{p}", "[::1]:{p}", "[::ffff:127.0.0.1]:{p}", "[::127.0.0.1]:{p}",
    "[64:ff9b::7f00:1]:{p}", "[64:ff9b:1::7f00:1]:{p}", "[::ffff:0:127.0.0.1]:{p}", "[2002:7f00:1::]:{p}",
    "[fec0::1]:{p}", "[fe80::1%25lo]:{p}", "0.0.0.0:{p}", "[::]:{p}", "ip6-localhost:{p}",
    "{s}@127.0.0.1:{p}", "user:pw@127.0.0.1:{p}", "127.0.0.1:{p}\\@{s}", "127.0.0.1:{p}\\.{s}", "{s}\\@127.0.0.1:{p}",
    "127.0.0.1:{p}%2f@{s}", "127%2e0.0.1:{p}", "１２７.0.0.1:{p}", "①②⑦.0.0.1:{p}", "127。0。0。1:{p}",
    "127.0.0.1\t:{p}", "127.0.0.1:{p}\t@{s}", "{s}#@127.0.0.1:{p}", "{s}?@127.0.0.1:{p}",
)  # fmt: skip


@pytest.fixture
def private() -> Iterator[ThirdParty]:
    made = ThirdParty(answers=False)
    yield made
    made.stop()


def urls(port: int, server: str) -> list[str]:
    return [f"http://{form.format(p=port, s=server)}" for form in FORMS]


def xml(body: str) -> Answer:
    return Answer(body=body.encode(), content_type="application/xml")


def test_no_road_of_a_crawl_leads_to_a_private_address(private: ThirdParty, tmp_path: Path) -> None:
    """Security 2, 3 and 6: pages, images, redirects, sitemaps, robots.txt, Next.js, meta refresh, the browser."""
    answers: dict[str, Any] = {"/good.jpg": jpeg()}
    server = Server(Scripted(answers))
    redirecting = Server(Scripted({"/a.jpg": jpeg(2)}))
    forms = urls(private.port, server.address)
    images, refreshes, lines = ["<p>"], [], []
    for number, url in enumerate(forms):
        answers[f"/r{number}.jpg"] = Answer(302, headers={"Location": _header(f"{url}/x.jpg")})
        answers[f"/go{number}"] = Answer(302, headers={"Location": _header(f"{url}/")})
        answers[f"/meta{number}"] = html(f'<meta http-equiv="refresh" content="0; url={url}/">')
        images += [f'<img src="{url}/i{number}.jpg">', f'<img src="/r{number}.jpg">',
                   f'<img src="/_next/image?url={quote(url, safe="")}%2Fn.jpg&w=640&q=75">']  # fmt: skip
        refreshes += [f'<a href="/go{number}">x</a>', f'<a href="/meta{number}">x</a>', f'<a href="{url}/page">x</a>']
        lines.append(f"<url><loc>{_xml(url)}/listed</loc></url>")
        lines.append(f"<url><loc>{server.url}/g/{number}</loc><image><loc>{_xml(url)}/l.jpg</loc></image></url>")
    scripts = "".join(
        f"tryIt(() => fetch({json.dumps(url + '/f')}).catch(() => 0));"
        f"tryIt(() => document.body.append(Object.assign(document.createElement('iframe'),"
        f"{{src: {json.dumps(url)}}})));"
        for url in forms
    )
    answers |= {
        "/robots.txt": text(f"User-agent: *\nAllow: /\nSitemap: {server.url}/index.xml\n"),
        "/index.xml": xml(
            "<sitemapindex>" + f"<sitemap><loc>{server.url}/pages.xml</loc></sitemap>"
            + "".join(f"<sitemap><loc>{_xml(url)}/map.xml</loc></sitemap>" for url in forms) + "</sitemapindex>"
        ),
        "/pages.xml": xml(f"<urlset>{''.join(lines)}</urlset>"),
        "/g": html('<img src="/good.jpg">', f'<img src="{redirecting.url}/a.jpg">', *images, *refreshes),
        "/s": html("<main id='gallery'></main><script>addEventListener('scroll', () => {});"
                   "const tryIt = f => { try { f() } catch (e) {} };"
                   f"addEventListener('load', () => {{{scripts}}})"
                   "</script>"),
    }  # fmt: skip
    redirecting.host.answers["/robots.txt"] = Answer(302, headers={"Location": f"http://127.0.0.1:{private.port}/r"})
    starts = [
        f"{server.url}/g",
        f"{server.url}/s",
        f"http://127.1:{private.port}/",
        f"http://localhost:{private.port}/",
    ]
    project = site(tmp_path, *starts, allowed=[server.address, redirecting.address])
    report = crawled(project)
    for stopped in (server, redirecting):
        stopped.stop()
    assert private.log == []
    outcomes = outcome_by_name(project)
    assert outcomes["good.jpg"] == ("stored", "")
    assert outcomes["a.jpg"][0] in ("rejected", "failed")  # its robots.txt cannot be read
    assert {outcomes[f"i{number}.jpg"] for number in (0, 3, 7)} == {("rejected", "address: private host")}
    assert any("address: private host" in note for note in report.notes)
    assert sum(report.outcomes.values()) == report.candidates
    asked = {hit.path for hit in server.log}
    assert {"/r0.jpg", "/go0", "/meta0", "/index.xml", "/pages.xml"} <= asked


def _header(url: str) -> str:
    """As a header carries it: bytes of UTF-8, read as Latin-1."""
    return url.encode().decode("latin-1")


def _xml(url: str) -> str:
    return url.replace("&", "&amp;")


@pytest.mark.parametrize("road", ["image", "image redirect", "search redirect"])
def test_no_photo_api_leads_to_a_private_address(private: ThirdParty, tmp_path: Path, road: str) -> None:
    """Security 2, 3 and 28: the address of a picture, and redirects of pictures and of the service itself."""
    answers: dict[str, Any] = {"/good.jpg": jpeg()}
    server = Server(Scripted(answers))
    forms = urls(private.port, server.address)
    if road == "search redirect":
        answers["/v1/images/"] = Answer(302, headers={"Location": _header(f"{forms[0]}/v1")})
    else:
        listed = (
            [f"{url}/i.jpg" for url in forms] if road == "image" else [f"{server.url}/r{n}" for n in range(len(forms))]
        )
        answers |= {f"/r{n}": Answer(302, headers={"Location": _header(f"{url}/x")}) for n, url in enumerate(forms)}
        found = [{"url": url, "license": "cc0", "foreign_landing_url": "http://p.example/"} for url in
                 [*listed, f"{server.url}/good.jpg"]]  # fmt: skip
        body = json.dumps({"results": found, "page_count": 1}).encode()
        answers["/v1/images/"] = Answer(body=body, content_type="application/json")
    path = tmp_path / "isitcake.toml"
    path.write_text(
        f'[project]\ncontact = "https://example.org/c"\n[crawl]\nallow_private_hosts = ["{server.address}"]\n'
        f'[[sources]]\nname = "photos"\nkind = "openverse"\nlabel = "not_cake"\nqueries = ["cup"]\nper_query = 100\n'
        f'base_url = "{server.url}"\n'
    )
    project = open_project(path)
    report = collect(project)
    server.stop()
    assert private.log == []
    if road == "search redirect":
        assert report.failed["photos"].endswith("a private host must be listed in [crawl] allow_private_hosts")
    else:
        assert report.sources[0].outcomes["stored"] == 1
        assert sum(report.sources[0].outcomes.values()) == report.sources[0].candidates


def test_an_allowed_name_opens_one_port_only(private: ThirdParty, tmp_path: Path) -> None:
    """Security 4: `localhost:A` is allowed; `localhost:B` is another host, for pages, images and redirects."""
    answers: dict[str, Any] = {"/good.jpg": jpeg(), "/robots.txt": text("")}
    server = Server(Scripted(answers))
    port = server.address.rpartition(":")[2]
    other = f"http://localhost:{private.port}"
    answers |= {
        "/": html(f'<img src="/good.jpg"><img src="{other}/i.jpg"><img src="/r.jpg">'),
        "/r.jpg": Answer(302, headers={"Location": f"{other}/r.jpg"}),
    }
    project = site(tmp_path, f"http://localhost:{port}/", f"{other}/", allowed=[f"LocalHost.:{port}"])
    crawled(project)
    server.stop()
    assert private.log == []
    outcomes = outcome_by_name(project)
    assert outcomes["good.jpg"] == ("stored", "")
    assert outcomes["i.jpg"] == ("rejected", "address: private host")


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "no_proxy"])
def test_proxies_of_the_environment_neither_see_nor_break_a_crawl(
    private: ThirdParty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Security 5: no request goes to a proxy, from Scrapy or from the browser."""
    monkeypatch.setenv(name, "*" if name == "no_proxy" else f"http://127.0.0.1:{private.port}")
    fetching = "<main id='gallery'></main><script>addEventListener('scroll', () => {}); fetch('/more')</script>"
    answers: dict[str, Any] = {
        "/": html('<img src="/good.jpg">'),
        "/s": html(fetching),
        "/more": text("ok"),
        "/good.jpg": jpeg(),
    }
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/", f"{server.url}/s", allowed=[server.address])
    report = crawled(project)
    server.stop()
    assert private.log == []
    assert report.notes == []
    assert outcome_by_name(project)["good.jpg"] == ("stored", "")
    assert any(hit.path == "/more" for hit in server.log)


# A crawl in whose process two names are not what they seem: one changes its number with each question, one has two.
REBINDING = """
import socket, sys
from crawlers.sites.process import main
real, asked = socket.getaddrinfo, []
def rebinding(host, port, *rest, **options):
    if host == "turns.example":
        asked.append(host)
        numbers = ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]
    elif host == "mixed.example":
        numbers = ["93.184.216.34", "127.0.0.2"]
    else:
        return real(host, port, *rest, **options)
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in numbers]
socket.getaddrinfo = rebinding
sys.exit(main(*sys.argv[1:]))
"""


def test_the_numbers_that_were_judged_are_those_that_are_connected(tmp_path: Path) -> None:
    """Security 28: resolved once, for the check and the connection together; each of several numbers is judged."""
    answers: dict[str, Any] = {
        "/": html('<img src="/good.jpg"><img src="http://mixed.example/i.jpg">'),
        "/good.jpg": jpeg(),
    }
    server = Server(Scripted(answers))
    port = int(server.address.rpartition(":")[2])
    other = socket.create_server(("127.0.0.2", port))  # where the name leads the second time
    other.settimeout(0.1)
    project = site(tmp_path, f"http://turns.example:{port}/", allowed=[f"turns.example:{port}"])
    command = [sys.executable, "-c", REBINDING, str(project.settings.config_path), "one"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment()) as crawl:
        assert crawl.stdout is not None
        said = crawl.stdout.read()
    server.stop()
    with pytest.raises(TimeoutError):
        other.accept()
    other.close()
    assert crawl.returncode == 0, said
    outcomes = outcome_by_name(project)
    assert outcomes["good.jpg"] == ("stored", "")
    assert outcomes["i.jpg"] == ("rejected", "address: private host")
