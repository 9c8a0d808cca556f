WITH counted AS (
  SELECT a.event_id, count(n.event_id) AS times, coalesce(sum(n.total_minor), 0) AS amount_minor, max(p.more_than) AS more_than,
         string_agg(n.event_id, ',' ORDER BY n.event_us, n.event_id) AS members
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos n ON n.tenant_id = a.tenant_id AND n.store_id = a.store_id AND n.operator_id = a.operator_id
            AND n.kind = 'PAID_OUT' AND n.business_day = a.business_day AND NOT n.training AND NOT n.test
            AND n.event_us > a.event_us - 86400000000
            AND (n.event_us < a.event_us OR (n.event_us = a.event_us AND n.event_id <= a.event_id))
  WHERE NOT a.training AND NOT a.test
  GROUP BY a.event_id
)
SELECT event_id AS anchor_id,
       CASE WHEN times = more_than + 1 THEN 'fired' ELSE 'silent' END AS outcome,
       CASE WHEN times = more_than + 1 THEN 'one_too_many' ELSE 'goes_on' END AS why, amount_minor, members, times
FROM counted
WHERE times > more_than
