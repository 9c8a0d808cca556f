WITH before AS (
  SELECT a.event_id, s.event_id AS other_id, s.kind,
         row_number() OVER (PARTITION BY a.event_id ORDER BY s.event_us DESC, s.event_id DESC) AS nth
  FROM anchor a
  JOIN pos s ON s.tenant_id = a.tenant_id AND s.store_id = a.store_id AND s.register_id = a.register_id
            AND s.event_us > a.event_us - 60000000 AND s.event_us < a.event_us
)
SELECT b.event_id AS anchor_id, 'fired' AS outcome, 'paid_then_voided' AS why
FROM before b
JOIN tenders t ON t.event_id = b.other_id AND t.tender_type = 'CASH'
WHERE b.nth = 1 AND b.kind = 'SALE'
GROUP BY b.event_id
