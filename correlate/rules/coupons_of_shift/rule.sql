WITH before AS (
  SELECT a.event_id, max(e.event_us) AS before_us
  FROM anchor a
  JOIN pos e ON e.tenant_id = a.tenant_id AND e.store_id = a.store_id AND e.operator_id = a.operator_id
            AND e.kind = 'SIGN_OFF' AND NOT e.training AND NOT e.test
            AND e.event_us >= a.event_us - 43200000000 AND e.event_us < a.event_us
  GROUP BY a.event_id
),
coupons AS (
  SELECT DISTINCT event_id FROM tenders WHERE tender_type = 'COUPON' AND direction = 'IN'
),
sold AS (
  SELECT a.event_id, s.event_id AS sale_id, s.event_us, s.operator_id = a.operator_id AS own, m.event_id IS NOT NULL AS marked,
         p.more_than, p.factor
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  LEFT JOIN before b ON b.event_id = a.event_id
  JOIN pos s ON s.tenant_id = a.tenant_id AND s.store_id = a.store_id AND s.operator_id IS NOT NULL
            AND s.kind = 'SALE' AND NOT s.training AND NOT s.test
            AND s.event_us > coalesce(b.before_us, a.event_us - 43200000000) AND s.event_us <= a.event_us
  LEFT JOIN coupons m ON m.event_id = s.event_id
  WHERE NOT a.training AND NOT a.test
),
counted AS (
  SELECT event_id, max(more_than) AS more_than, max(factor) AS factor,
         sum(CASE WHEN own THEN 1 ELSE 0 END) AS sales, sum(CASE WHEN own THEN 0 ELSE 1 END) AS other_sales,
         sum(CASE WHEN own AND marked THEN 1 ELSE 0 END) AS times, sum(CASE WHEN marked AND NOT own THEN 1 ELSE 0 END) AS other_times,
         string_agg(CASE WHEN own AND marked THEN sale_id END, ',' ORDER BY event_us, sale_id) AS members
  FROM sold
  GROUP BY event_id
)
SELECT event_id AS anchor_id,
       CASE WHEN other_sales < sales OR times * other_sales <= factor * other_times * sales THEN 'silent' ELSE 'fired' END AS outcome,
       CASE WHEN other_sales < sales THEN 'nobody_to_compare'
            WHEN times * other_sales <= factor * other_times * sales THEN 'as_others' ELSE 'more_than_others' END AS why,
       members, times, sales, other_times, other_sales
FROM counted
WHERE times > more_than
