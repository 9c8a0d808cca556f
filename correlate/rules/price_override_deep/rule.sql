WITH reduced AS (
  SELECT a.event_id, l.line_no, l.description, l.unit_price_minor, l.regular_price_minor,
         (l.regular_price_minor - l.unit_price_minor) * l.qty_milli / 1000 AS less_minor,
         (l.regular_price_minor - l.unit_price_minor) * 100 / l.regular_price_minor AS percent_below,
         row_number() OVER (PARTITION BY a.event_id
                            ORDER BY (l.regular_price_minor - l.unit_price_minor) * l.qty_milli DESC, l.line_no) AS nth
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN lines l ON l.event_id = a.event_id AND l.action = 'SALE' AND l.price_override
              AND l.regular_price_minor > l.unit_price_minor AND l.qty_milli > 0
              AND (l.regular_price_minor - l.unit_price_minor) * 100 >= p.percent * l.regular_price_minor
              AND (l.regular_price_minor - l.unit_price_minor) * l.qty_milli >= p.smallest_minor * 1000
  WHERE NOT a.training AND NOT a.test
)
SELECT event_id AS anchor_id, 'fired' AS outcome, 'deep_override' AS why, less_minor AS amount_minor,
       coalesce(description, 'an item') AS item, percent_below
FROM reduced
WHERE nth = 1
