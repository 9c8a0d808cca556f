WITH low AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.operator_id, a.business_day, a.event_us, a.total_minor, p.below_minor, p.more_than
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  WHERE NOT a.training AND NOT a.test AND a.total_minor > 0 AND a.total_minor < p.below_minor
),
cash AS (
  SELECT DISTINCT event_id FROM tenders WHERE tender_type = 'CASH' AND direction = 'IN'
),
counted AS (
  SELECT l.event_id, l.total_minor, count(s.event_id) AS times, max(l.more_than) AS more_than,
         string_agg(s.event_id, ',' ORDER BY s.event_us, s.event_id) AS members
  FROM low l
  JOIN cash c ON c.event_id = l.event_id
  JOIN pos s ON s.tenant_id = l.tenant_id AND s.store_id = l.store_id AND s.operator_id = l.operator_id
            AND s.kind = 'SALE' AND s.business_day = l.business_day AND NOT s.training AND NOT s.test
            AND s.total_minor > 0 AND s.total_minor < l.below_minor AND s.event_us > l.event_us - 86400000000
            AND (s.event_us < l.event_us OR (s.event_us = l.event_us AND s.event_id <= l.event_id))
  JOIN cash d ON d.event_id = s.event_id
  GROUP BY l.event_id, l.total_minor
)
SELECT event_id AS anchor_id,
       CASE WHEN times = more_than + 1 THEN 'fired' ELSE 'silent' END AS outcome,
       CASE WHEN times = more_than + 1 THEN 'one_too_many' ELSE 'goes_on' END AS why,
       total_minor AS amount_minor, members, times
FROM counted
WHERE times > more_than
