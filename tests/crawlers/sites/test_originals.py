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
        # An address inside the address.
        ("https://a.example/_next/image/?url=%2Fm%2Fx.png&w=640&q=75", "https://a.example/m/x.png"),
        ("https://a.example/_vercel/image?url=%2Fm%2Fx&w=640&q=75", "https://a.example/m/x"),
        ("https://a.example/.netlify/images?url=/m/x.jpg&w=640", "https://a.example/m/x.jpg"),
        ("https://a.example/_image?href=%2F_astro%2Fx.Dk3.jpg&w=640&f=webp", "https://a.example/_astro/x.Dk3.jpg"),
        ("https://a.example/_ipx/w_800&f_webp/img/x.jpg", "https://a.example/img/x.jpg"),
        ("https://a.example/shop/_ipx/_/img/x", "https://a.example/shop/img/x"),
        ("https://a.example/_ipx/f_webp,q_80,s_80x60/https://b.example/x.jpg", "https://b.example/x.jpg"),
        ("https://a.example/_gatsby/image/1f/2e/x.jpg?u=https%3A%2F%2Fcms.example%2Fx.jpg&a=w%3D40&cd=1",
         "https://cms.example/x.jpg"),
        ("https://a.example/cdn-cgi/image/w=400,h=300,fit=crop/https://b.example/x.jpg?v=2",
            "https://b.example/x.jpg?v=2"),
        ("https://a.example/cdn-cgi/image/format=auto,w=768,fit=crop/m/x.png", "https://a.example/m/x.png"),
        ("https://a.example/cdn-cgi/image/w=768/wp-content/uploads/x-768x432.jpg",
         "https://a.example/wp-content/uploads/x.jpg"),
        ("https://t.cloudimg.io/v7/https://b.example/x.jpg?w=300&sharp=1", "https://b.example/x.jpg"),
        ("https://t.cloudimg.io/v7/b.example/x.jpg?w=300", "https://b.example/x.jpg"),
        ("https://images.weserv.nl/?url=b.example/x.jpg&w=300", "https://b.example/x.jpg"),
        ("https://wsrv.nl/?url=https://b.example/x&w=300", "https://b.example/x"),
        ("https://a.example/timthumb.php?src=/m/x.jpg&w=300&h=200&zc=1", "https://a.example/m/x.jpg"),
        ("https://a.example/image.php?image=/m/x.jpg&width=300", "https://a.example/m/x.jpg"),
        ("https://i.example/sIg/rs:fit:300:300/plain/https://b.example/x.jpg@webp", "https://b.example/x.jpg"),
        ("https://i.example/insecure/rs:fill:300/plain/https%3A%2F%2Fb.example%2Fx.jpg", "https://b.example/x.jpg"),
        ("https://t.example/unsafe/fit-in/300x200/smart/filters:quality(80)/https://b.example/x.jpg",
         "https://b.example/x.jpg"),
        ("https://t.example/unsafe/300x200/b.example/x.jpg", "https://b.example/x.jpg"),
        ("https://cdn.shortpixel.ai/spai/q_lossy+w_300+to_webp/https://b.example/x.jpg", "https://b.example/x.jpg"),
        ("https://cdn.statically.io/img/b.example/f=auto,w=300/m/x.jpg", "https://b.example/m/x.jpg"),
        ("https://res.cloudinary.com/c/image/fetch/w_300,f_auto/https://b.example/x.jpg", "https://b.example/x.jpg"),
        # A word in the path.
        ("https://custom-images.strikinglycdn.com/res/h/image/upload/c_limit,fl_lossy,h_9000,w_1200,f_auto,q_auto/1/x.jpg",
         "https://custom-images.strikinglycdn.com/res/h/image/upload/1/x.jpg"),
        ("https://res.cloudinary.com/c/image/upload/c_fill,w_200,h_200/f_auto,q_auto/v1/cakes/x.jpg",
         "https://res.cloudinary.com/c/image/upload/v1/cakes/x.jpg"),
        ("https://a.example/sites/default/files/styles/large/public/2024-05/x.jpg?itok=aB",
         "https://a.example/sites/default/files/2024-05/x.jpg"),
        ("https://a.example/sites/default/files/styles/large/public/x.jpg.webp?itok=aB",
         "https://a.example/sites/default/files/x.jpg"),
        ("https://a.example/media/catalog/product/cache/0123456789abcdef0123456789abcdef/c/a/cake.jpg",
         "https://a.example/media/catalog/product/c/a/cake.jpg"),
        ("https://cdn11.bigcommerce.com/s-1/images/stencil/500x659/products/1/2/x.jpg?c=1",
         "https://cdn11.bigcommerce.com/s-1/images/stencil/original/products/1/2/x.jpg?c=1"),
        ("https://a.example/12-home_default/cake.jpg", "https://a.example/12/cake.jpg"),
        ("https://a.example/img/p/1/2/12-large_default.jpg", "https://a.example/img/p/1/2/12.jpg"),
        ("https://image.jimcdn.com/app/cms/image/transf/dimension=300x1024:format=jpg/path/s1/image/i2/version/3/image.jpg",
         "https://image.jimcdn.com/app/cms/image/transf/none/path/s1/image/i2/version/3/image.jpg"),
        ("https://a.example/wp-content/gallery/cakes/thumbs/thumbs_x.jpg", "https://a.example/wp-content/gallery/cakes/x.jpg"),
        ("https://1.bp.blogspot.com/-a/b/c/s320/x.jpg", "https://1.bp.blogspot.com/-a/b/c/s0/x.jpg"),
        ("https://blogger.googleusercontent.com/img/b/R29/a/w640-h480/x.jpg",
         "https://blogger.googleusercontent.com/img/b/R29/a/s0/x.jpg"),
        ("https://lh3.googleusercontent.com/abc=w300-h200-no", "https://lh3.googleusercontent.com/abc=s0"),
        ("https://i.pinimg.com/236x/a/b/c.jpg", "https://i.pinimg.com/originals/a/b/c.jpg"),
        ("https://cdn.prod.website-files.com/1/a-p-500.jpg", "https://cdn.prod.website-files.com/1/a.jpg"),
        ("https://imagedelivery.net/h/id/thumb", "https://imagedelivery.net/h/id/public"),
        ("https://static.wixstatic.com/media/a1.jpg/v1/fill/w_1,h_2/x.jpg", "https://static.wixstatic.com/media/a1.jpg"),
        ("https://static.wixstatic.com/media/a1.jpg_srz_300_200_85_22_0.50_1.20_0.00_jpg_srz",
         "https://static.wixstatic.com/media/a1.jpg"),
        # A form of a size that the rule of a platform did not know.
        ("https://cdn.shopify.com/s/files/1/x_{width}x.jpg?v=1", "https://cdn.shopify.com/s/files/1/x.jpg?v=1"),
        ("https://a.example/wp-content/uploads/x-300x200.jpg.webp", "https://a.example/wp-content/uploads/x.jpg"),
        ("https://a.example/wp-content/uploads/x-300x200-1.jpg", "https://a.example/wp-content/uploads/x.jpg"),
        ("https://a.example/wp-content/uploads/x-300x200@2x.jpg", "https://a.example/wp-content/uploads/x.jpg"),
        # What was left of the query.
        ("https://images.ctfassets.net/s/i/t/x.jpg?w=300&f=face&fit=thumb", "https://images.ctfassets.net/s/i/t/x.jpg"),
        ("https://cdn.sanity.io/images/p/d/abc-2560x1532.jpg?rect=0,1,2,3&w=300",
         "https://cdn.sanity.io/images/p/d/abc-2560x1532.jpg"),
        ("https://images.prismic.io/r/x.jpg?auto=compress,format&rect=0,0,9,9&w=300", "https://images.prismic.io/r/x.jpg"),
        ("https://1.cdn.editmysite.com/uploads/b/x.jpeg?width=800&optimize=medium",
         "https://1.cdn.editmysite.com/uploads/b/x.jpeg"),
        ("https://framerusercontent.com/images/x.jpg?scale-down-to=512", "https://framerusercontent.com/images/x.jpg"),
        ("https://cdn.myportfolio.com/u/x_rw_600.jpg?h=ab1c", "https://cdn.myportfolio.com/u/x.jpg?h=ab1c"),
        ("https://x.imgix.net/?/photos/a.jpg&w=2", "https://x.imgix.net/?/photos/a.jpg"),
        ("https://b1.smushcdn.com/1/wp-content/uploads/x.jpg?size=640x480&lossy=1&strip=1&webp=1",
         "https://b1.smushcdn.com/1/wp-content/uploads/x.jpg"),
        # A bare address, and the programs that keep originals in a place of their own.
        ("https://images.squarespace-cdn.com/content/v1/s/u/a+b.png",
         "https://images.squarespace-cdn.com/content/v1/s/u/a+b.png?format=original"),
        ("https://static1.squarespace.com/static/5f/t/6a/1/a.png",
         "https://static1.squarespace.com/static/5f/t/6a/1/a.png?format=original"),
        ("https://lirp-cdn.multiscreensite.com/a/dms3rep/multi/opt/x-640w.jpg",
         "https://irp-cdn.multiscreensite.com/a/dms3rep/multi/x.jpg"),
        ("https://a.example/wp-content/gallery/a/cache/x.jpg-nggid0225-ngg0dyn-320x240x100-00f0w010.jpg",
         "https://a.example/wp-content/gallery/a/x.jpg"),
        ("https://a.example/thumbnail/ab/cd/ef/1700000000/x_800x800.jpg?ts=1",
         "https://a.example/media/ab/cd/ef/1700000000/x.jpg?ts=1"),
        ("https://a.example/images/phocagallery/a/thumbs/phoca_thumb_l_x.jpg",
         "https://a.example/images/phocagallery/a/x.jpg"),
        ("https://a.example/image/cache/catalog/a/x-500x500.jpg", "https://a.example/image/catalog/a/x.jpg"),
        ("https://a.example/media/pages/a/1a2b3c4d5e-1700000000/x-600x.jpg",
         "https://a.example/media/pages/a/1a2b3c4d5e-1700000000/x.jpg"),
        ("https://a.example/images/thumbs/0000120_x_415.jpeg", "https://a.example/images/thumbs/0000120_x.jpeg"),
        ("https://a.example/cache/a/x_595.jpg", "https://a.example/albums/a/x.jpg"),
        ("https://a.example/cache/a/x_w300_h300_cw300_ch300_thumb.jpg", "https://a.example/albums/a/x.jpg"),
        ("https://a.example/albums/a/normal_x.jpg", "https://a.example/albums/a/x.jpg"),
        # A size, or a word for one, alone in a folder or at an end of a name.
        ("https://a.example/wp-content/uploads/x-960x300_c.jpg", "https://a.example/wp-content/uploads/x.jpg"),
        ("https://a.example/x_800x600.jpg", "https://a.example/x.jpg"),
        ("https://a.example/content/images/size/w600/2023/x.jpg", "https://a.example/content/images/2023/x.jpg"),
        ("https://a.example/files/1/262x276x1/x.jpg", "https://a.example/files/1/x.jpg"),
        ("https://a.example/g/_600x400_crop_center-center_none/x.jpg", "https://a.example/g/x.jpg"),
        ("https://a.example/g/_1200xAUTO_fit_center-center_82_none/x.jpg", "https://a.example/g/x.jpg"),
        ("https://a.example/g/thumbs/x.jpg", "https://a.example/g/x.jpg"),
        ("https://a.example/g/thumbs/x_tn.jpg", "https://a.example/g/x.jpg"),
        ("https://a.example/g/thumb_x.jpg", "https://a.example/g/x.jpg"),
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
        # The rule of a platform on another host.
        "https://a.example/brownie_small.jpg",
        "https://a.example/img-w300.jpg",
        "https://a.example/il_340x270.9.jpg",
        "https://a.example/a-p-500.jpg",
        "https://a.example/236x/a.jpg",
        "https://a.example/s320/a.jpg",
        "https://a.example/media/a.jpg/v1/fill/w_1/x.jpg",
        # A name, not a size.
        "https://a.example/tray-30x40.jpg",
        "https://cdn.sanity.io/images/p/d/abc-2560x1532.jpg",
        "https://res.cloudinary.com/c/image/upload/my_cakes/photo.jpg",
        "https://res.cloudinary.com/c/image/upload/v1/w_edding/photo.jpg",
        "https://a.example/image/upload/b_day/photo.jpg",
        "https://a.example/12-home_made/cake.jpg",
        "https://a.example/styles/large/public/a.jpg",
        "https://a.example/product/cache/cakes/a.jpg",
        "https://imagedelivery.net/h/id/public",
        "https://images.squarespace-cdn.com/content/v1/s/u/a.png?format=original",
        "https://a.example/30x40/a.jpg",
        "https://a.example/2024/a.jpg",
        "https://a.example/tn/a.jpg",
        "https://a.example/normal_a.jpg",
        "https://a.example/thumbelina/a.jpg",
        "https://a.example/a_595.jpg",
        "https://a.example/x_30x40.jpg",
        # A parameter that names the photo, or that is signed.
        "https://a.example/image?h=ab12",
        "https://a.example/image?w=41",
        "https://a.example/a.jpg?q=red",
        "https://a.example/a.jpg?crop=a1",
        "https://a.example/image.php?id=1&w=1200",
        "https://x.imgix.net/a.jpg?w=1&X-Goog-Signature=1",
        "https://x.imgix.net/a.jpg?w=1&hmac=1",
        "https://a.example/a.jpg?w=100&hash=1",
        "https://a.example/_ipx/photo.jpg",
        "https://a.example/_ipx/2024/photo.jpg",
        # What stands inside is a page.
        "https://a.example/share?url=https%3A%2F%2Fb.example%2Fpage",
        "https://a.example/photo.jpg?next=/a/b",
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
