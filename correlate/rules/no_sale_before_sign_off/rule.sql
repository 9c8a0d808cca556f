WITH opened AS (
  SELECT a.event_id, n.event_id AS open_id, n.event_us, p.times, n.event_us > a.event_us - p.within_seconds * 1000000 AS late
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos n ON n.tenant_id = a.tenant_id AND n.store_id = a.store_id AND n.operator_id = a.operator_id
            AND n.kind = 'NO_SALE' AND NOT n.training AND NOT n.test AND coalesce(n.supervisor_id = n.operator_id, true)
            AND n.event_us BETWEEN a.event_us - 28800000000 AND a.event_us
  WHERE NOT a.training AND NOT a.test
),
counted AS (
  SELECT event_id, max(times) AS enough, sum(CASE WHEN late THEN 1 ELSE 0 END) AS times,
         sum(CASE WHEN late THEN 0 ELSE 1 END) AS earlier, string_agg(open_id, ',' ORDER BY event_us, open_id) AS members
  FROM opened
  GROUP BY event_id
)
SELECT event_id AS anchor_id,
       CASE WHEN times > earlier THEN 'fired' ELSE 'silent' END AS outcome,
       CASE WHEN times > earlier THEN 'before_going_home' ELSE 'as_often_before' END AS why, members, times, earlier
FROM counted
WHERE times >= enough
