WITH before AS (
  SELECT a.event_id, max(e.event_us) AS before_us
  FROM anchor a
  JOIN pos e ON e.tenant_id = a.tenant_id AND e.store_id = a.store_id AND e.operator_id = a.operator_id
            AND e.kind = 'SIGN_OFF' AND NOT e.training AND NOT e.test
            AND e.event_us >= a.event_us - 43200000000 AND e.event_us < a.event_us
  GROUP BY a.event_id
),
shift AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.operator_id, a.event_us,
         coalesce(b.before_us, a.event_us - 43200000000) AS since_us
  FROM anchor a
  LEFT JOIN before b ON b.event_id = a.event_id
  WHERE NOT a.training AND NOT a.test
),
voided AS (
  SELECT s.event_id, s.tenant_id, s.store_id, s.operator_id, s.event_us
  FROM pos s
  JOIN (SELECT DISTINCT event_id FROM lines WHERE action = 'VOID') m ON m.event_id = s.event_id
  WHERE s.kind = 'SALE' AND NOT s.training AND NOT s.test AND s.operator_id IS NOT NULL
),
times AS (
  SELECT h.event_id, sum(CASE WHEN m.operator_id = h.operator_id THEN 1 ELSE 0 END) AS times,
         sum(CASE WHEN m.operator_id = h.operator_id THEN 0 ELSE 1 END) AS other_times,
         string_agg(CASE WHEN m.operator_id = h.operator_id THEN m.event_id END, ',' ORDER BY m.event_us, m.event_id) AS members
  FROM shift h
  JOIN voided m ON m.tenant_id = h.tenant_id AND m.store_id = h.store_id AND m.event_us > h.since_us AND m.event_us <= h.event_us
  GROUP BY h.event_id
),
enough AS (
  SELECT h.event_id, h.tenant_id, h.store_id, h.operator_id, h.event_us, h.since_us, p.factor, t.times, t.other_times, t.members
  FROM shift h
  JOIN params p ON p.tenant_id = h.tenant_id AND p.store_id = h.store_id
  JOIN times t ON t.event_id = h.event_id AND t.times > p.more_than
),
rung AS (
  SELECT n.event_id, sum(CASE WHEN s.operator_id = n.operator_id THEN 1 ELSE 0 END) AS sales,
         sum(CASE WHEN s.operator_id = n.operator_id THEN 0 ELSE 1 END) AS other_sales
  FROM enough n
  JOIN pos s ON s.tenant_id = n.tenant_id AND s.store_id = n.store_id AND s.operator_id IS NOT NULL
            AND s.kind = 'SALE' AND NOT s.training AND NOT s.test AND s.event_us > n.since_us AND s.event_us <= n.event_us
  GROUP BY n.event_id
)
SELECT n.event_id AS anchor_id,
       CASE WHEN r.other_sales < r.sales OR n.times * r.other_sales <= n.factor * n.other_times * r.sales THEN 'silent' ELSE 'fired' END AS outcome,
       CASE WHEN r.other_sales < r.sales THEN 'nobody_to_compare'
            WHEN n.times * r.other_sales <= n.factor * n.other_times * r.sales THEN 'as_others' ELSE 'more_than_others' END AS why,
       n.members, n.times, r.sales, n.other_times, r.other_sales
FROM enough n
JOIN rung r ON r.event_id = n.event_id
