"""How each website builder, shop and image service names its thumbnails, as data. The reading is in originals.py.

A rule is tied to a platform by hosts, by a mark in the address, or by a form that nobody else writes. General rules
are tied to nothing: what they make is a guess that must prove itself (`is_tied`).

Time grows no faster than the address. A rule that repeats a repetition, or that tries a second beginning in what the
first one has read, grows with the square or worse; so a rule reads what it repeats without return: `++`, `*+` and
`(?>…)` never give back. tests/crawlers/sites/test_growth.py repeats every part of an address of each rule.
"""

import re
from dataclasses import dataclass

EXTENSION = r"(\.(?:[jJ][pP][eE]?[gG]|[jJ][fF][iI][fF]|[pP][nN][gG]|[wW][eE][bB][pP]|[gG][iI][fF]|[aA][vV][iI][fF]))"
END = r"(?=\?|\Z)"  # of the path


@dataclass(frozen=True)
class Platform:
    """A rule of one platform: where `seen` matches, each of `originals` replaces it, the most original first.

    mark: what the address must have besides, most often the host. is_tied: whether the rule belongs to a platform.
    """

    name: str
    mark: re.Pattern[str] | None
    seen: re.Pattern[str]
    originals: tuple[str, ...]
    is_tied: bool = True

    def find(self, url: str) -> re.Match[str] | None:
        """Where the rule matches; None if it does not, or if the address is of no host of the platform."""
        return self.seen.search(url) if self.mark is None or self.mark.search(url) else None


def _rule(name: str, seen: str, *originals: str, mark: str = "", is_tied: bool = True) -> Platform:
    pattern = re.compile(mark, re.ASCII | re.IGNORECASE) if mark else None
    return Platform(name, pattern, re.compile(seen, re.ASCII), originals, is_tied)


def _host(*names: str) -> str:
    """Matches an address at one of these hosts or below them. `x.*` stands for every name that begins with `x.`."""
    listed = "|".join(re.escape(name).replace(r"\*", r"[^/:?#]{1,60}") for name in names)
    return rf"^https?://(?:[^/?#@]{{1,250}}\.)?(?:{listed})(?=[/:?]|\Z)"


CLOUDINARY_STRICT = (  # parts of a transform that no folder is called
    r"(?:c_(?:fill|l?fill_pad|lfill|fit|m?fit|mpad|limit|lpad|pad|scale|crop|thumb|imagga_\w{1,9}|auto)"
    r"|[wh]_(?:\d{1,5}|auto|i[wh]|[01]\.\d{1,4})|q_(?:auto|\d{1,3})|f_(?:auto|jpe?g|png|webp|avif|gif)"
    r"|dpr_(?:auto|\d(?:\.\d{1,2})?)|fl_\w{1,20}|g_(?:auto|face|faces|center|north|south|east|west))(?![^,/.:])"
)
CLOUDINARY_PART = (
    r"(?:if|fl|ac|af|ar|bl|bo|br|co|cs|dl|dn|dpr|du|eo|fn|fps|ki|pg|so|sp|vc|vs|[abcdefghloqprtuwxyz])_[^/,]{1,99}+"
)
CLOUDINARY_SEGMENT = (
    rf"(?:(?=(?:{CLOUDINARY_PART},){{0,20}}?{CLOUDINARY_STRICT})|(?=t_[^/,]{{1,99}}+/v\d))"
    rf"(?:{CLOUDINARY_PART},?){{1,20}}+/"
)
WORDPRESS = r"/wp-content/|/wp-includes/|\.files\.wordpress\.com/|//i[0-3]\.wp\.com/"
SHOPIFY = r"//cdn\.shopify\.com/|/cdn/shop/|/s/files/1/|\.myshopify\.com/|//cdn\.shopifycdn\.net/"
GOOGLE = _host("googleusercontent.com", "ggpht.com", "bp.blogspot.com")
WIDTH = r"(?:[1-9]\d{2,3})"  # 100 to 9999: no thumbnail is smaller, and 30x40 is centimetres
KIRBY = r"^(?>[^?]*?/media/(?:pages|site|users)/)(?>[^?]*?/[0-9a-f]{4,12}-\d{9,11}/)[^/?]++(?:\?|\Z)"

PLATFORMS: tuple[Platform, ...] = (
    _rule("wix", r"(/media/(?>[^/?]+?~mv2)[^/?]*+)/v1/(?:fill|crop|fit)/.*", r"\1"),
    _rule("wix-named", r"(/media/[^/?]++)/v1/(?:fill|crop|fit)/.*", r"\1", mark=_host("wixstatic.com")),
    _rule("wix-resized", rf"(/media/[^/?_]{{1,200}}){EXTENSION}_srz_[^?]*+", r"\1\2", mark=_host("wixstatic.com")),
    _rule("godaddy", r"(?<![^?])((?>[^?]*?/isteam/ip/)(?>[^?]+?(?=/:/)))/:/.*", r"\1"),
    _rule(
        "squarespace",
        r"^(?:([^?]*+)\?(?>[^#]*?&format=\d{1,5}w)|(?>(.*?)\?format=\d{1,5}w))[^#]*+\Z",
        r"\1\2?format=original",
        r"\1\2?format=2500w",
    ),
    _rule(
        "squarespace-bare",
        r"^([^?#]++)\Z",
        r"\1?format=original",
        r"\1?format=2500w",
        mark=r"^https?://(?:images\.squarespace-cdn\.com(?::\d{1,5})?/content/"
        r"|static\d{0,3}\.squarespace\.com(?::\d{1,5})?/static/|static\d{0,3}\.squarespace\.com(?::\d{1,5})?/content/)",
    ),
    _rule("jetpack", r"^(https?)://i[0-3]\.wp\.com/([^?]++)\?.*", r"\1://i0.wp.com/\2", r"\1://\2"),
    _rule("secure.website", rf"-w\d{{2,4}}(?:-o)?{EXTENSION}{END}", r"\1", mark=_host("secure.website") + "|/wscfus/"),
    _rule(
        "shopify",
        rf"(?:_(?:(?:\d{{1,4}}|\{{width\}}|%7[bB]width%7[dD])x(?:\d{{1,4}}|\{{height\}})?|x\d{{1,4}}"
        rf"|pico|icon|thumb|small|compact|medium|large|grande|master|original)"
        rf"(?:_crop_[a-z]{{1,20}})?(?:@[23]x)?){EXTENSION}(?:\.webp)?{END}",
        r"\1",
        mark=SHOPIFY,
    ),
    _rule(
        "duda",
        rf"^(?>(.*?)//lirp)(-cdn)?\.([^/]++)/(?>(.+?)/opt/)(?>(.+?)-\d{{2,4}}w{EXTENSION}{END})",
        r"\1//irp\2.\3/\4/\5\6",
    ),
    _rule("etsy", r"/il_\d{1,5}x(?:\d{1,5}|N)\.", r"/il_fullxfull.", mark=_host("etsystatic.com")),
    _rule("cloudinary", rf"(/image/upload)/(?!s--)(?:{CLOUDINARY_SEGMENT})++", r"\1/"),
    _rule(
        "weebly",
        rf"(?<![^?])(?!(?>[^?]*?/wp-content/))((?>[^?]*?/uploads/)[^?]+?)(?<!_orig){EXTENSION}\?\d++\Z",
        r"\1_orig\2",
        r"\1\2",
        is_tied=False,
    ),
    _rule("nextgen", r"/thumbs/thumbs_([^/?]++)", r"/\1", mark=r"/wp-content/|/gallery/"),
    _rule("wordpress-format", rf"{EXTENSION}\.(?:webp|avif){END}", r"\1", mark=WORDPRESS),
    _rule("wordpress", rf"-\d{{2,4}}x\d{{2,4}}(?:@[23]x)?{EXTENSION}{END}", r"\1", mark=WORDPRESS),
    _rule(
        "wordpress-copy", rf"-\d{{2,4}}x\d{{2,4}}(-\d{{1,2}}){EXTENSION}{END}", r"\2", r"\1\2", mark=WORDPRESS
    ),
    _rule("wordpress-scaled", rf"-scaled(-\d{{1,2}})?{EXTENSION}{END}", r"\1\2", mark=WORDPRESS),
    _rule("wordpress-edited", rf"-e\d{{10,13}}{EXTENSION}{END}", r"\1", mark=WORDPRESS),
    _rule("drupal", rf"/styles/[^/?]{{1,99}}/public/([^?]+?{EXTENSION})(?:\.(?:webp|avif))?(?:\?.*)?\Z", r"/\1",
          mark=r"/files/styles/"),
    _rule("magento", r"/catalog/product/cache/(?:\d{1,3}/[a-z_]{1,40}/(?:\d{0,5}x\d{0,5}/)?)?[0-9a-f]{32}/",
          r"/catalog/product/"),
    _rule("bigcommerce", r"/stencil/(?:\d{1,5}x\d{1,5}|\d{1,5}w|\{:size\})/", r"/stencil/original/"),
    _rule("prestashop",
          r"(/\d{1,9})-(?:[a-z]{1,20}_default|default_[a-z]{1,3}|product_main)(?:_\dx)?(?=[/.])", r"\1"),
    _rule("jimdo", r"/image/transf/(?!none/)[^/?]++/", r"/image/transf/none/",
          mark=_host("jimcdn.com") + "|/app/cms/image/transf/"),
    _rule("blogger", r"/(?:s\d{2,4}|w\d{2,4}-h\d{2,4})(?:-[a-z0-9-]{1,30})?/(?=[^/?]++(?:\?|\Z))", "/s0/", mark=GOOGLE),
    _rule("google", r"=[swh]\d{1,4}(?:-[a-z0-9-]{1,40})?(?=\?|\Z)", "=s0", mark=GOOGLE),
    _rule("pinterest", r"(//i\.pinimg\.com)/\d{2,4}x(?:\d{2,4})?(?:_RS)?/", r"\1/originals/", r"\1/736x/"),
    _rule("webflow", rf"-p-\d{{2,4}}(?:x\d{{2,4}}q\d{{2}})?{EXTENSION}{END}", r"\1",
          mark=_host("website-files.com", "webflow.com")),
    _rule("cloudflare", r"(//imagedelivery\.net/[^/?]++/[^/?]++)/(?!public)[^?]++", r"\1/public"),
    _rule("imagekit", r"/tr:[^/?]++(?=/)", "", mark=_host("imagekit.io")),
    _rule("uploadcare", r"(//[^/]*+/[0-9a-f-]{36}(?:~\d{1,4}/nth/\d{1,4})?/)-/.*", r"\1",
          mark=_host("ucarecdn.com", "ucarecd.net")),
    _rule("storyblok", rf"{EXTENSION}/m/.*", r"\1", mark=_host("storyblok.com")),
    _rule("hygraph", r"/(?:(?:resize|output|quality|auto_image|compress)[=:]?[^/?]*+/)++", "/",
          mark=_host("graphassets.com", "graphcms.com")),
    _rule("imgur", r"(//i\.imgur\.com/[A-Za-z0-9]{7})[sbtmlh](?=\.)", r"\1"),
    _rule("flickr", rf"(/\d{{5,15}}_[0-9a-f]{{6,20}})_[sqtmnwzc]{EXTENSION}{END}", r"\1_b\2",
          mark=_host("staticflickr.com")),
    _rule("adobe", rf"_(?:rw|car)_\d{{2,4}}(?:x\d{{2,4}}x?\d{{0,4}}x?\d{{0,4}})?{EXTENSION}{END}", r"\1",
          mark=_host("myportfolio.com", "behance.net")),
    _rule("behance", r"/project_modules/(?!source/)[a-z0-9_]{1,40}/", "/project_modules/source/",
          mark=_host("behance.net")),
    _rule("nextgen-dynamic", rf"/cache/((?>[^/?]{{1,200}}?{EXTENSION}))-nggid[^/?]++", r"/\1", mark="-nggid"),
    _rule("shopware",
          rf"/thumbnail/((?:[0-9a-f]{{2}}/){{3}}(?:\d{{9,11}}/)?[^/?]{{1,200}}?)_\d{{2,4}}x\d{{2,4}}{EXTENSION}{END}",
          r"/media/\1\2"),
    _rule("phoca", r"/thumbs/phoca_thumb_[sml]\d?_([^/?]++)", r"/\1"),
    _rule("cargo", r"/[wh]/\d{1,5}/(?:q/\d{1,3}/)?i/", "/t/original/i/", mark=_host("cargo.site")),
    _rule("tilda", rf"//(?:thb|optim)\.(tildacdn\.[^/?]{{2,20}}/tild[\w-]{{1,60}}/)-/(?>(?:[^/?]{{1,60}}+/){{1,9}}+)"
          rf"([^/?]{{1,200}}?{EXTENSION})(?:\.webp)?{END}", r"//static.\1\2"),
    _rule("webnode", r"(/\d{9}-[0-9a-z]{1,12}/)\d{2,4}/(?=[^/?]++(?:\?|\Z))", r"\1", mark=r"-cdnwnd\.com[/:]"),
    _rule("silverstripe", rf"__[A-Z][A-Za-z]{{2,20}}?W[yz][\w=~-]{{2,200}}{EXTENSION}{END}", r"\1", mark="/assets/"),
    _rule("concrete", r"(/application/files)/thumbnails/\w{1,40}(?=(?:/\d{4}){3}/)", r"\1"),
    _rule("processwire", rf"\.\d{{1,4}}x\d{{1,4}}(?:-[a-z0-9-]{{1,30}})?{EXTENSION}{END}", r"\1",
          mark=r"/site/assets/files/\d"),
    _rule("wagtail", r"/images/([^/?]{1,200}?)(?:\.[0-9a-f]{8})?\.(?:fill|max|min|width|height|scale)-\d{1,4}"
          rf"(?:x\d{{1,4}})?(?:-c\d{{1,3}})?(?:\.[a-z]{{1,12}}-[a-z0-9]{{1,9}}){{0,3}}{EXTENSION}{END}",
          r"/original_images/\1\2"),
    _rule("second-extension", rf"{EXTENSION}\.(?:opt)?\d{{1,4}}x\d{{1,4}}(?:[_o-][^/?]{{0,80}})?{EXTENSION}{END}",
          r"\1"),
    _rule("bitrix", r"/upload/resize_cache/((?:[^/?]{1,60}/){0,4}?)\d{1,4}_\d{1,4}_\d[0-9a-f]{0,40}/", r"/upload/\1"),
    _rule("piwigo", r"/(?:_data/i|i(?:\.php)?\?)/((?:upload|galleries)/[^?]{1,300}?)"
          rf"-(?:sq|th|2s|xs|sm|me|la|xl|xx|3x|4x|cu_\w{{1,20}}){EXTENSION}\Z", r"/\1\2"),
    _rule("gallery3", r"/var/(?:thumbs|resizes)/", "/var/albums/"),
    _rule("active-storage", r"(/rails/active_storage/)representations/((?:redirect/|proxy/)?[^/?]++/)[^/?]++/"
          r"(?=[^/?]++(?:\?|\Z))", r"\1blobs/\2"),
    _rule("paperclip", r"(/000/\d{3}/\d{3}/)(?!original/)[a-z0-9_]{1,30}/(?=[^/?]++(?:\?|\Z))", r"\1original/"),
    _rule("medialibrary", rf"(/\d{{1,9}}/)(?:conversions/([^/?]{{1,200}})-\w{{1,40}}"
          rf"|responsive-images/([^/?]{{1,200}}?)___\w{{1,60}}_\d{{1,5}}_\d{{1,5}}){EXTENSION}{END}", r"\1\2\3\4"),
    _rule("strapi", rf"/(?:thumbnail|x?small|medium|x?large)_([^/?]{{1,200}}?_[0-9a-f]{{10}}{EXTENSION}){END}", r"/\1"),
    _rule("xtcommerce", r"/product_images/(?:thumbnail|info|midi|mini|gallery)_images/",
          "/product_images/popup_images/"),
    _rule("jtl", r"(/media/image/\w{1,20}/\d{1,9}/)(?:xs|sm|md)/", r"\1lg/"),
    _rule("oxid", r"/out/pictures/generated/([^?]{1,60}?/)\d{1,4}_\d{1,4}_\d{1,3}/", r"/out/pictures/master/\1"),
    _rule("joomgallery", r"/joomgallery/(?:thumbnails|details)/", "/joomgallery/originals/"),
    _rule("ucoz", r"/_ph/(\d{1,6})/[12]/(?=\d)", r"/_ph/\1/"),
    # Programs that may keep an original where it cannot be asked for.
    _rule("hugo", rf"_hu_?[0-9a-f]{{15,64}}(?:_\d{{1,9}}_\d{{1,5}}x\d{{1,5}}[A-Za-z0-9_]{{0,60}})?{EXTENSION}{END}",
          r"\1", is_tied=False),
    _rule("opencart", rf"^(?>([^?]*?/image/)cache/)([^?]+?)-\d{{2,4}}x\d{{2,4}}[wh]?{EXTENSION}(?:\.webp)?{END}",
          r"\1\2\3", is_tied=False),
    _rule("kirby", rf"-(?:{WIDTH}x(?:{WIDTH})?|x{WIDTH})(?:-[a-z0-9]{{1,12}}){{0,6}}{EXTENSION}{END}", r"\1",
          is_tied=False, mark=KIRBY),
    _rule("nopcommerce", rf"(/thumbs/(?:\d{{3}}/)?\d{{7}}(?:_[^/?]{{1,200}}?)?)_\d{{2,4}}{EXTENSION}{END}", r"\1\2",
          is_tied=False),
    _rule("zenphoto",
          rf"^(?>([^?]*?)/cache/)([^?]+?)(?:_(?:[whs]?\d{{2,4}}|c[whxy]\d{{1,4}}|thumb)){{1,8}}+{EXTENSION}{END}",
          r"\1/albums/\2\3", is_tied=False),
    _rule("coppermine", rf"(/albums/(?:[^?/]{{1,100}}/){{0,8}})(?:normal|thumb)_([^/?]++){END}", r"\1\2",
          is_tied=False),
    # Parts of a name and folders that are a size, or a word for one, and nothing else.
    _rule("size:name", rf"(?:_{WIDTH}x{WIDTH}|[-_]{WIDTH}x{WIDTH}[-_](?:[bct][lr]?|crop(?:ped)?|fit|fill|thumb))"
          rf"{EXTENSION}{END}", r"\1", is_tied=False),
    _rule("size:folder",
          rf"/(?:(?:(?:re)?sized?|sizes)/)?+(?:{WIDTH}x{WIDTH}(?:x\d)?|w{WIDTH}(?:h{WIDTH})?(?:/format/\w{{3,4}})?"
          rf"|_(?:{WIDTH}|AUTO)x(?:{WIDTH}|AUTO)(?:_[a-z0-9-]{{1,20}}){{0,5}}+)/", "/", is_tied=False),
    _rule("thumb:name", r"/(?:(?:(?:thumb(?:s|nail)?|tn)[-_]|(?:small|medium|large)_)([^/?]++)"
          rf"|([^/?]{{1,200}}?)[-_](?:thumb(?:nail)?|tn){EXTENSION}){END}", r"/\1\2\3", is_tied=False),
    _rule("thumb:folder", r"/_?thumb(?:nail)?s?/(?!(?:\d{3}/)?\d{7}[_.]|(?:[0-9a-f]{2}/){3})", "/", is_tied=False),
    # What some other system may have copied from WordPress. Of two general rules, see Platform.is_tied.
    _rule("wordpress:size", rf"-{WIDTH}x{WIDTH}(?:@[23]x)?{EXTENSION}{END}", r"\1", is_tied=False,
          mark=rf"^(?!(?>[^?]*?(?:{WORDPRESS}|//cdn\.sanity\.io/)))"),
    _rule("wordpress:scaled", rf"-scaled{EXTENSION}{END}", r"\1", is_tied=False,
          mark=rf"^(?!(?>[^?]*?(?:{WORDPRESS})))"),
    _rule("wordpress:edited", rf"-e\d{{10,13}}{EXTENSION}{END}", r"\1", is_tied=False,
          mark=rf"^(?!(?>[^?]*?(?:{WORDPRESS})))"),
)  # fmt: skip

# Services that make sizes by parameters: what they are called besides those of SIZE_PARAMETERS, and where.
SIZING_HOSTS = re.compile(
    "|".join(
        (
            _host(
                "imgix.net", "unsplash.com", "ctfassets.net", "cdn.sanity.io", "prismic.io",
                "datocms-assets.com", "framerusercontent.com", "squarecdn.com", "editmysite.com",
                "square.site", "imagekit.io", "cdn.builder.io", "myshopify.com", "cdn.shopify.com",
                "wp.com", "files.wordpress.com", "pexels.com", "b-cdn.net", "twic.pics", "sirv.com",
                "cloudimg.io", "smushcdn.com", "scene7.com", "graphassets.com", "storyblok.com",
                "jimdo-storage.freetls.fastly.net",
            ),
            SHOPIFY,
        )
    ),
    re.ASCII | re.IGNORECASE,
)  # fmt: skip
SIZE_NUMBERS = {"w", "h", "width", "height", "q", "quality", "dpr", "blur", "maxwidth", "maxheight", "max-w", "max-h"}
SIZE_WORDS = {"fit", "crop", "auto", "fm", "ssl", "resize", "nf_resize", "strip", "compress", "optimize", "format"}
SERVICE_WORDS = {  # on SIZING_HOSTS only
    "f", "fl", "r", "rect", "scale-down-to", "lossless", "ar", "cs", "ixlib", "usm", "usmrad", "sharp", "sat",
    "bri", "con", "max", "min", "tr", "nf_resize", "bg", "pad", "position", "gravity", "aspect_ratio",
    "canvas", "profile", "wid", "hei", "qlt", "op_usm", "resmode", "scl", "twic", "tint", "cb", "orient",
    "or", "enlarge", "sm", "lossy", "size", "webp", "disable", "enable",
}  # fmt: skip
SIGNATURE = re.compile(
    r"sig(?:nature)?|.*signature.*|.*token.*|expires?|x-amz-.*|x-goog-.*|hdnea|.*hmac.*|hash|policy"
    r"|key-pair-id|md5|ik-s",
    re.IGNORECASE,
)
