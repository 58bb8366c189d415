-- All pairs of 64-bit hashes within 8 bits: fingerprints(i, h). Two hashes within 8 bits differ in at most two
-- bits of one of three bands; each band is keyed as it is and with each of its bits flipped, on both sides.
WITH bands AS (
    SELECT i, h, b.band, (h >> b.first) & ((1::UBIGINT << b.width) - 1) AS part, b.width
    FROM fingerprints, (VALUES (0, 0, 22), (1, 22, 21), (2, 43, 21)) AS b(band, first, width)
),
keys AS (
    SELECT i, h, band, part AS key FROM bands
    UNION ALL
    SELECT i, h, band, xor(part, 1::UBIGINT << flip.bit) FROM bands, range(0, 22) AS flip(bit) WHERE flip.bit < width
)
SELECT count(*) FROM (
    SELECT DISTINCT a.i, b.i
    FROM keys AS a JOIN keys AS b ON a.band = b.band AND a.key = b.key AND a.i < b.i
    WHERE bit_count(xor(a.h, b.h)) <= 8 AND a.h <> b.h
);
