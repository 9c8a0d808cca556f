WITH keyed AS (
  SELECT l.event_id, l.line_no, l.extended_minor, l.description
  FROM lines l
  WHERE l.action = 'SALE' AND l.entry = 'KEYED'
    AND NOT EXISTS (SELECT 1 FROM lines v WHERE v.event_id = l.event_id AND v.action = 'VOID' AND v.voids_line_no = l.line_no)
),
dear AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.operator_id, a.business_day, a.event_us, p.smallest_minor, p.times AS enough,
         max(k.description) AS item
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN keyed k ON k.event_id = a.event_id AND k.extended_minor >= p.smallest_minor
  WHERE NOT a.training AND NOT a.test
  GROUP BY a.event_id, a.tenant_id, a.store_id, a.operator_id, a.business_day, a.event_us, p.smallest_minor, p.times
),
rung AS (
  SELECT d.event_id, s.event_id AS sale_id, s.event_us, sum(k.extended_minor) AS keyed_minor
  FROM dear d
  JOIN pos s ON s.tenant_id = d.tenant_id AND s.store_id = d.store_id AND s.operator_id = d.operator_id AND s.kind = 'SALE'
            AND s.business_day = d.business_day AND NOT s.training AND NOT s.test AND s.event_us > d.event_us - 86400000000
            AND (s.event_us < d.event_us OR (s.event_us = d.event_us AND s.event_id <= d.event_id))
  JOIN keyed k ON k.event_id = s.event_id AND k.extended_minor >= d.smallest_minor
  GROUP BY d.event_id, s.event_id, s.event_us
),
counted AS (
  SELECT event_id, count(sale_id) AS times, sum(keyed_minor) AS amount_minor,
         string_agg(sale_id, ',' ORDER BY event_us, sale_id) AS members
  FROM rung
  GROUP BY event_id
)
SELECT d.event_id AS anchor_id,
       CASE WHEN c.times = d.enough THEN 'fired' ELSE 'silent' END AS outcome,
       CASE WHEN c.times = d.enough THEN 'keyed_often' ELSE 'goes_on' END AS why,
       c.amount_minor, c.members, c.times, coalesce(d.item, 'one without a name') AS item
FROM dear d
JOIN counted c ON c.event_id = d.event_id
WHERE c.times >= d.enough
