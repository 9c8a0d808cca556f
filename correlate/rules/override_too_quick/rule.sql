WITH quick AS (
  SELECT a.event_id, coalesce(a.supervisor_id, a.operator_id) AS approver, n.event_id AS quick_id, n.event_us, p.quick_ms, p.times AS enough
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos n ON n.tenant_id = a.tenant_id AND n.store_id = a.store_id AND n.kind IN ('OVERRIDE', 'AGE_CHECK')
            AND coalesce(n.supervisor_id, n.operator_id) = coalesce(a.supervisor_id, a.operator_id)
            AND n.business_day = a.business_day AND NOT n.training AND NOT n.test
            AND n.begin_us < n.event_us AND n.event_us - n.begin_us < p.quick_ms * 1000
            AND n.event_us > a.event_us - 86400000000
            AND (n.event_us < a.event_us OR (n.event_us = a.event_us AND n.event_id <= a.event_id))
  WHERE NOT a.training AND NOT a.test AND a.begin_us < a.event_us AND a.event_us - a.begin_us < p.quick_ms * 1000
),
counted AS (
  SELECT event_id, approver, quick_ms, max(enough) AS enough, count(quick_id) AS times,
         string_agg(quick_id, ',' ORDER BY event_us, quick_id) AS members
  FROM quick
  GROUP BY event_id, approver, quick_ms
)
SELECT event_id AS anchor_id,
       CASE WHEN times = enough THEN 'fired' ELSE 'silent' END AS outcome,
       CASE WHEN times = enough THEN 'without_a_look' ELSE 'goes_on' END AS why, members, times, quick_ms, approver
FROM counted
WHERE times >= enough
