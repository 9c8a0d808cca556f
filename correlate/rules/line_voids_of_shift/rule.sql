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
times_of_each AS (
  SELECT h.event_id, m.operator_id, m.operator_id = h.operator_id AS own, count(m.event_id) AS times,
         string_agg(m.event_id, ',' ORDER BY m.event_us, m.event_id) AS members
  FROM shift h
  JOIN voided m ON m.tenant_id = h.tenant_id AND m.store_id = h.store_id AND m.event_us > h.since_us AND m.event_us <= h.event_us
  GROUP BY h.event_id, m.operator_id, h.operator_id
),
times AS (
  SELECT event_id, sum(CASE WHEN own THEN times ELSE 0 END) AS times, sum(CASE WHEN own THEN 0 ELSE times END) AS other_times,
         max(CASE WHEN own THEN members END) AS members,
         string_agg(CASE WHEN own THEN NULL ELSE concat(operator_id, ': ', CAST(times AS VARCHAR)) END, ', ' ORDER BY operator_id, event_id) AS times_of_others
  FROM times_of_each
  GROUP BY event_id
),
enough AS (
  SELECT h.event_id, h.tenant_id, h.store_id, h.operator_id, h.event_us, h.since_us, p.factor, t.times, t.other_times, t.members,
         t.times_of_others
  FROM shift h
  JOIN params p ON p.tenant_id = h.tenant_id AND p.store_id = h.store_id
  JOIN times t ON t.event_id = h.event_id AND t.times > p.more_than
),
sales_of_each AS (
  SELECT n.event_id, s.operator_id, s.operator_id = n.operator_id AS own, count(s.event_id) AS sales
  FROM enough n
  JOIN pos s ON s.tenant_id = n.tenant_id AND s.store_id = n.store_id AND s.operator_id IS NOT NULL
            AND s.kind = 'SALE' AND NOT s.training AND NOT s.test AND s.event_us > n.since_us AND s.event_us <= n.event_us
  GROUP BY n.event_id, s.operator_id, n.operator_id
),
rung AS (
  SELECT event_id, sum(CASE WHEN own THEN sales ELSE 0 END) AS sales, sum(CASE WHEN own THEN 0 ELSE sales END) AS other_sales,
         string_agg(CASE WHEN own THEN NULL ELSE concat(operator_id, ': ', CAST(sales AS VARCHAR)) END, ', ' ORDER BY operator_id, event_id) AS sales_of_others
  FROM sales_of_each
  GROUP BY event_id
)
SELECT n.event_id AS anchor_id,
       CASE WHEN r.other_sales < r.sales OR n.times * r.other_sales <= n.factor * n.other_times * r.sales THEN 'silent' ELSE 'fired' END AS outcome,
       CASE WHEN r.other_sales < r.sales THEN 'nobody_to_compare'
            WHEN n.times * r.other_sales <= n.factor * n.other_times * r.sales THEN 'as_others' ELSE 'more_than_others' END AS why,
       n.members, n.times, r.sales, n.other_times, r.other_sales, n.times_of_others, r.sales_of_others
FROM enough n
JOIN rung r ON r.event_id = n.event_id
