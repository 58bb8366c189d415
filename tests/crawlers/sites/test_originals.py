"""Thumbnails to originals: every platform's row, with the near miss beside the hit."""

import pytest

from crawlers.sites.originals import absolute, originals


@pytest.mark.parametrize(
    ("seen", "first"),
    [
        ("https://static.wixstatic.com/media/a_b~mv2.jpg/v1/fill/w_147,h_212,blur_2/x.jpg",
         "https://static.wixstatic.com/media/a_b~mv2.jpg"),
        ("https://static.wixstatic.com/media/a_b~mv2.png/v1/crop/x_1,y_2/fill/w_9,h_9/x.png",
         "https://static.wixstatic.com/media/a_b~mv2.png"),
        ("https://images.squarespace-cdn.com/content/v1/s/u/sponge+bob%E2%80%AF1.png?format=300w",
         "https://images.squarespace-cdn.com/content/v1/s/u/sponge+bob%E2%80%AF1.png?format=original"),
        ("https://a.example/2023/01/Copy-of-23-650x650.png", "https://a.example/2023/01/Copy-of-23.png"),
        ("https://a.example/Hemu-650X650-650x650.png", "https://a.example/Hemu-650X650.png"),
        ("https://a.example/cake-scaled.jpg", "https://a.example/cake.jpg"),
        ("https://files.secure.website/wscfus/1/2/img-2605-w300-o.jpg",
         "https://files.secure.website/wscfus/1/2/img-2605.jpg"),
        ("https://cdn.shopify.com/s/peach2_300x300.jpg?v=1", "https://cdn.shopify.com/s/peach2.jpg?v=1"),
        ("https://cdn.shopify.com/s/peach2_600x.jpg.webp?v=1", "https://cdn.shopify.com/s/peach2.jpg?v=1"),
        ("https://cdn.shopify.com/s/a.jpg?v=1&width=180", "https://cdn.shopify.com/s/a.jpg?v=1"),
        ("https://img1.wsimg.com/isteam/ip/u/c.jpeg/:/rs=w:600,h:300", "https://img1.wsimg.com/isteam/ip/u/c.jpeg"),
        ("https://i0.wp.com/host/wp-content/x.jpeg?resize=621%2C414&ssl=1", "https://i0.wp.com/host/wp-content/x.jpeg"),
        ("https://a.example/_next/image?url=https%3A%2F%2Fcdn.example%2Fx-300x200.jpg&w=640&q=75",
         "https://cdn.example/x.jpg"),
        ("https://res.cloudinary.com/c/image/upload/c_fill,w_200/v1/x.jpg",
         "https://res.cloudinary.com/c/image/upload/v1/x.jpg"),
        ("https://x.imgix.net/a.jpg?w=125&fit=crop", "https://x.imgix.net/a.jpg"),
        ("https://lirp.cdn-website.com/md/opt/L-1920w.jpg", "https://irp.cdn-website.com/md/L.jpg"),
        ("https://x.example/uploads/9993840.jpg?465", "https://x.example/uploads/9993840_orig.jpg"),
        ("https://i.etsystatic.com/1/il_340x270.9.jpg", "https://i.etsystatic.com/1/il_fullxfull.9.jpg"),
    ],
)  # fmt: skip
def test_original_comes_first(seen: str, first: str) -> None:
    """The most original address is tried first, and the one that was seen last."""
    assert originals(seen)[0] == first
    assert originals(seen)[-1] == seen


@pytest.mark.parametrize(
    "seen",
    [
        "https://a.example/cake-2021x.jpg",  # a name, not a size
        "https://files.secure.website/a/logo-300-300.jpg",
        "https://res.cloudinary.com/c/image/upload/s--abc--/c_fill/v1/x.jpg",  # signed
        "https://x.imgix.net/a.jpg?w=125&s=1",  # signed
        "https://a.example/isteam/stock/1.jpg",
        "https://a.example/photo.jpg",
    ],
)
def test_what_is_no_thumbnail_stays(seen: str) -> None:
    """Near misses are left alone."""
    assert originals(seen) == [seen]


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("//cdn.example/x.jpg", "https://cdn.example/x.jpg"),
        ("/x.jpg", "https://a.example/x.jpg"),
        ("../x.jpg", "https://a.example/x.jpg"),
        ("my cake+1.jpg", "https://a.example/g/my%20cake+1.jpg"),
        ("a%20b.jpg", "https://a.example/g/a%20b.jpg"),
        ("data:image/gif;base64,R0", None),
        ("", None),
        ("http://[broken/x.jpg", None),
        ("https://bäcker.example/x.jpg", "https://xn--bcker-gra.example/x.jpg"),
    ],
)
def test_absolute(raw: str, meant: str | None) -> None:
    """What a page writes becomes the address it means, or nothing; never an exception."""
    assert absolute(raw, "https://a.example/g/p.html") == meant
