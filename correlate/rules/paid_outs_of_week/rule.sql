WITH counted AS (
  SELECT a.event_id, count(n.event_id) AS times, coalesce(sum(n.amount_minor), 0) AS amount_minor, max(p.more_than) AS more_than,
         max(p.within_days) AS within_days, string_agg(n.event_id, ',' ORDER BY n.event_us, n.event_id) AS members
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN history n ON n.tenant_id = a.tenant_id AND n.store_id = a.store_id AND n.entity_kind = 'operator'
            AND n.entity = a.operator_id AND n.kind = 'PAID_OUT' AND n.event_us > a.event_us - p.within_days * 86400000000
            AND (n.event_us < a.event_us OR (n.event_us = a.event_us AND n.event_id <= a.event_id))
  WHERE NOT a.training AND NOT a.test
  GROUP BY a.event_id
)
SELECT event_id AS anchor_id,
       CASE WHEN times = more_than + 1 THEN 'fired' ELSE 'silent' END AS outcome,
       CASE WHEN times = more_than + 1 THEN 'one_too_many' ELSE 'goes_on' END AS why, amount_minor, members, times, within_days
FROM counted
WHERE times > more_than
