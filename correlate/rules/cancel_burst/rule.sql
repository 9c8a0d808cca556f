WITH counted AS (
  SELECT a.event_id, count(c.event_id) AS cancels, string_agg(c.event_id, ',' ORDER BY c.event_us, c.event_id) AS members,
         sum(c.total_minor) AS amount_minor, max(p.more_than) AS more_than, max(p.within_seconds) / 60 AS within_minutes
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos c ON c.tenant_id = a.tenant_id AND c.store_id = a.store_id AND c.operator_id = a.operator_id
            AND c.kind = 'CANCEL' AND NOT c.training AND NOT c.test
            AND c.event_us > a.event_us - p.within_seconds * 1000000
            AND (c.event_us < a.event_us OR (c.event_us = a.event_us AND c.event_id <= a.event_id))
  WHERE NOT a.training AND NOT a.test
  GROUP BY a.event_id
)
SELECT event_id AS anchor_id,
       CASE WHEN cancels = more_than + 1 THEN 'fired' ELSE 'silent' END AS outcome,
       CASE WHEN cancels <= more_than THEN 'few_cancels' WHEN cancels = more_than + 1 THEN 'one_too_many'
            ELSE 'burst_goes_on' END AS why,
       amount_minor, members, cancels, within_minutes
FROM counted
